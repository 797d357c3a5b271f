"""Where things are in the text of a line: a walk over its JSON that knows path and position of every value.

Only lines with a fault are walked, so this is plain rather than fast. It keeps a stack of its own and never looks back:
no nesting exhausts it, and a line takes time in proportion to its length.
"""

import json
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

Steps = tuple[str | int, ...]

# A path that would be longer names the value around it.
MAX_PATH_CHARACTERS = 200

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},]|[^\s"\[\]{},:]++', re.DOTALL)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class Token(NamedTuple):
    """A value's first token (a bracket, or all of a text, number or word), or the name of an object's member.

    `steps` leads to the value, or to the member; it changes as the walk goes on. `start` is 0-based.
    """

    text: str
    start: int
    is_name: bool
    steps: list[str | int | None]


def walk(line: str) -> Iterator[Token]:
    """The values and names of a line of valid JSON, in order; of another line, what it looks like up to its end."""
    steps: list[str | int | None] = []  # None stands where a name is to come
    for match in _TOKEN.finditer(line):
        text, first = match[0], match[0][0]
        if first in "]}":
            if not steps:
                return
            steps.pop()
        elif first == ",":
            if steps:
                last = steps[-1]
                steps[-1] = last + 1 if isinstance(last, int) else None
        elif first == '"' and steps and steps[-1] is None:
            steps[-1] = _name(text)
            yield Token(text, match.start(), True, steps)
        else:
            yield Token(text, match.start(), False, steps)
            if first == "[":
                steps.append(0)
            elif first == "{":
                steps.append(None)


def columns(line: str, wanted: Collection[Steps]) -> dict[Steps, int]:
    """The 1-based column at which the value at each path begins; of a repeated name the last counts, as for json."""
    longest = max(map(len, wanted), default=-1)
    found: dict[Steps, int] = {}
    for token in walk(line) if wanted else ():
        if not token.is_name and len(token.steps) <= longest:
            steps = settled(token.steps)
            if steps in wanted:
                found[steps] = token.start + 1
    return found


def _name(text: str) -> str:
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text


def settled(steps: list[str | int | None]) -> Steps:
    """A copy of a token's steps."""
    return tuple(step for step in steps if step is not None)


def too_deep(line: str, levels: int) -> tuple[Steps, int] | None:
    """Path and column of the first value, the line or a member of it, nested more than `levels` deep; JSON or not."""
    member: tuple[Steps, int] = ((), len(line) - len(line.lstrip()) + 1)
    for token in walk(line):
        if len(token.steps) == 1:
            member = (settled(token.steps), token.start + 1)
        if len(token.steps) >= levels and token.text in ("[", "{"):
            return member
    return None


def json_path(steps: Steps) -> str:
    """A JSON path (RFC 9535), such as `$.messages[2].role`, at most `MAX_PATH_CHARACTERS` long."""
    path = "$"
    for step in steps:
        longer = path + _segment(step)
        if len(longer) > MAX_PATH_CHARACTERS:
            break
        path = longer
    return path


def _segment(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_NAME.fullmatch(step) else f"[{json.dumps(step[:MAX_PATH_CHARACTERS])}]"
