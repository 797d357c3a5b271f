"""From the bytes of a line to its JSON, and what no text or number in it should be, wherever it stands."""

import json
import math
import re
from collections.abc import Iterator

from webapp.datasets.faults import Fault, fault
from webapp.datasets.places import Token, settled, walk

_MAX_DIGITS = 20
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1

# One escape: a whole pair, or a single unit (captured), or something short.
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u(....)|.)")


class UnreadableError(Exception):
    """The line is no JSON; `fault` says where reading ended."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def read_json(line: bytes) -> tuple[str, object]:
    """The text of a line and its value, in which a number may be anything. Raises UnreadableError, RecursionError."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        column = len(line[: error.start].decode("utf-8")) + 1
        raise UnreadableError(fault("not_utf8", f"byte {error.start + 1} is not UTF-8", column=column)) from None
    if (nul := text.find("\x00")) >= 0:
        raise UnreadableError(fault("nul_character", "the line holds the character U+0000", column=nul + 1))
    if text.startswith("\ufeff"):
        raise UnreadableError(fault("byte_order_mark", "a byte order mark stands inside the file", column=1))
    try:
        return text, json.loads(text, parse_int=_integer)
    except json.JSONDecodeError as error:
        column = error.pos + 1
        if error.msg == "Extra data":
            found = fault("trailing_data", f"the JSON ends before character {column}", column=column)
        else:
            found = fault("invalid_json", f"not valid JSON at character {column}: {error.msg.lower()}", column=column)
        raise UnreadableError(found) from None


def text_faults(text: str) -> Iterator[Fault]:
    """Repeated names, numbers and characters that are none, in a line of valid JSON; in order."""
    names: dict[int, set[object]] = {}
    for token in walk(text):
        depth = len(token.steps)
        if token.is_name:
            name = token.steps[-1]
            if name in names[depth]:
                what = f"the name {shown(name)} occurs twice in an object"
                yield fault("duplicate_key", what, settled(token.steps), token.start + 1)
            names[depth].add(name)
        if token.text == "{":
            names[depth + 1] = set()
        elif token.text[0] == '"':
            yield from _character_faults(token)
        elif token.text[0] in "-0123456789NI":
            yield from _number_faults(token)


def shown(value: object) -> str:
    """A value as a message shows it."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _integer(digits: str) -> int:
    # Numbers of thousands of digits take quadratic time to read, and are refused anyway.
    return int(digits[: _MAX_DIGITS + 1])


def _character_faults(token: Token) -> Iterator[Fault]:
    """Characters that JSON can escape but no text should hold; the first of each kind in a text."""
    if "\\u" not in token.text:
        return
    seen = set()
    for match in _ESCAPE.finditer(token.text):
        unit = int(match[1], 16) if match[1] else 1
        if unit == 0:
            code, what = "nul_character", "the line holds the character U+0000"
        elif 0xD800 <= unit < 0xE000:
            code, what = "lone_surrogate", f"the line holds half a character, \\u{unit:04x}"
        else:
            continue
        if code not in seen:
            seen.add(code)
            yield fault(code, what, settled(token.steps), token.start + match.start() + 1)


def _number_faults(token: Token) -> Iterator[Fault]:
    text = token.text
    if text.lstrip("-").isdigit():
        if len(text) > _MAX_DIGITS + 1 or not _LOWEST <= int(text) <= _HIGHEST:
            what = f"the line holds the whole number {text[:40]}"
            yield fault("number_out_of_range", what, settled(token.steps), token.start + 1)
    elif not math.isfinite(float(text)):
        what = f"the line holds the number {text[:40]}"
        yield fault("non_finite_number", what, settled(token.steps), token.start + 1)
