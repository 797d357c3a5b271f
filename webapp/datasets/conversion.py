"""A row of any format to a conversation in OpenAI's form, and what is wrong with one back to its place in the row.

A row is one of

    messages        a list of messages in OpenAI's form, under whatever name
    conversations   a list of turns, as ShareGPT has them: `from` and `value`, or `role` and `content`
    prompt and completion, with a system prompt, an input and a history of earlier [question, answer] pairs as in
                    Alpaca: the input follows the prompt on a new line, as LLaMA-Factory joins them
    text            one message of the assistant, so that all of it is trained on

ShareGPT's `system` is the first message; its `tools` are a list of functions, or JSON text that holds one; a turn from
`function_call` holds the call as JSON text, `{"name", "arguments"}` or a list of these. These are LLaMA-Factory's.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from webapp.datasets.checking import kind, value_faults
from webapp.datasets.faults import Fault, fault
from webapp.datasets.formats import BEYOND_HEADER, Layout, Part, fits, format_of, is_preference, readings
from webapp.datasets.json_cells import json_of
from webapp.datasets.parsing import OPENAI_FORM, Decoded, Form
from webapp.datasets.places import Steps
from webapp.datasets.wire import WireConversation

SPEAKERS = {
    "human": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "observation": "tool",
    "function_response": "tool",
    "tool_response": "tool",
}
_CALL = "function_call"
# What a turn in ShareGPT's words may carry of OpenAI's.
_KEPT_OF_A_TURN = ("weight", "name")
_TEXTS = frozenset({str, bool, type(None)})
_OLD_NAMES = {"role": "from", "content": "value", "tool_calls": "value"}

_any_object = msgspec.json.Decoder(dict[str, object])


class Converted(msgspec.Struct):
    """A row on its way: the conversation so far, where each message came from, and what stood in the way."""

    layout: Layout
    row: Mapping[str, Any]
    messages: list[Any] = []
    origins: list[Steps] = []
    tools: Any = None
    faults: list[Fault] = []
    ignored: set[str] = set()

    @property
    def value(self) -> dict[str, Any]:
        """The conversation as the value of a line in OpenAI's form."""
        found: dict[str, Any] = {"messages": self.messages}
        return found if self.tools is None else found | {"tools": self.tools}

    def add(self, message: Any, *origin: str | int) -> None:
        """One message more, made of what is at `origin` in the row."""
        self.messages.append(message)
        self.origins.append(origin)

    def place(self, steps: Steps | None) -> Steps | None:
        """The place in the row of what is at `steps` in the converted value."""
        if not steps:
            return steps
        if steps[0] != "messages":
            found = (self.layout.column("tools") or steps[0], *steps[1:])
        elif len(steps) > 1 and isinstance(steps[1], int):
            origin = self.origins[steps[1]]
            found = (*origin, *_renamed(self._at(origin), steps[2:]))
        else:
            found = (self.layout.column("messages") or self.layout.column("conversations") or "",)
        # Where the conversation has more than the row, the last thing that the row has is the place.
        while self._at(found) is msgspec.UNSET:
            found = found[:-1]
        return found

    def _at(self, steps: Steps) -> Any:
        value: Any = self.row
        for step in steps:
            inside = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
            if step not in inside:
                return msgspec.UNSET
            value = inside[step]
        return value


def form_of(layout: Layout) -> Form:
    """How `parsing.parse` and `parsing.explain` read the lines of a file with this layout."""
    decode = OPENAI_FORM.decode if layout.verbatim else partial(_decode, layout)
    return Form(decode, partial(_row_faults, layout))


def as_messages(layout: Layout, line: bytes) -> tuple[bytes, bool]:
    """The line in OpenAI's form, and whether it had keys that this leaves out.

    As it stands where it is in that form, or no row of this layout.
    """
    if layout.verbatim:
        return line, False
    try:
        made = _converted(layout, line)
        return msgspec.json.encode(made.value), bool(made.ignored)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return line, False


def convert(layout: Layout, row: Mapping[str, Any]) -> Converted:
    """The row as a conversation in OpenAI's form; whether that is a good one is for others to say."""
    made = Converted(layout, row, ignored=set(row) - layout.mapping.keys())
    if (system := _optional(made, "system", str)) is not None:
        made.add({"role": "system", "content": system[0]}, system[1])
    made.tools = _tools(made)
    if column := layout.column("messages"):
        _add_turns(made, column, lambda message: message)
    if column := layout.column("conversations"):
        _add_turns(made, column, partial(_turn, made))
    if column := layout.column("text"):
        made.add({"role": "assistant", **_content(row, column)}, column)
    if (prompt := layout.column("prompt")) and (completion := layout.column("completion")):
        _add_history(made)
        made.add({"role": "user", **_prompt(made, prompt)}, prompt)
        made.add({"role": "assistant", **_content(row, completion)}, completion)
    return made


def _converted(layout: Layout, line: bytes) -> Converted:
    """The conversation of a line; raises msgspec's ValidationError where it has none."""
    row = _any_object.decode(line)
    if isinstance(row.get(BEYOND_HEADER), list) or not fits(row, layout):
        raise msgspec.ValidationError("not a row of this layout")
    made = convert(layout, row)
    if made.faults:
        raise msgspec.ValidationError(made.faults[0].message)
    return made


def _decode(layout: Layout, line: bytes) -> Decoded:
    made = _converted(layout, line)
    conversation = msgspec.convert(made.value, WireConversation)
    return conversation, tuple(sorted(made.ignored)), _least_names(made.row)


def _least_names(row: Mapping[str, Any]) -> int:
    """How many names a row of texts, and of lists of texts and of objects of texts, has; 0 of any other.

    What is no text may be a number that was too long to be read, and deeper names are not counted.
    """
    inner = [item for value in row.values() if isinstance(value, list) for item in value]
    objects = [item for item in inner if isinstance(item, dict)]
    leaves = [value for value in row.values() if not isinstance(value, list)]
    leaves += [item for item in inner if not isinstance(item, dict)]
    leaves += [value for item in objects for value in item.values()]
    return len(row) + sum(map(len, objects)) if _TEXTS.issuperset(map(type, leaves)) else 0


def _row_faults(layout: Layout, value: object) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield from value_faults(value)
    elif isinstance(value.get(BEYOND_HEADER), list):
        what = f"the row has {len(value[BEYOND_HEADER])} cells more than the header has names"
        yield fault("row_length", what, (BEYOND_HEADER,))
    elif not fits(value, layout) and (other := _looks_like(value)) not in (None, layout.format):
        yield fault("other_format", f"the row looks like {other}, and the file is {layout.format}", ())
    elif layout.verbatim:
        yield from value_faults(value)
    elif missing := [column for column in layout.essentials if column not in value]:
        yield fault("missing_column", f"the row has no {' and no '.join(map(repr, missing))}", ())
    else:
        made = convert(layout, value)
        yield from made.faults
        for item in value_faults(made.value) if not made.faults else ():
            yield msgspec.structs.replace(item, steps=made.place(item.steps))


def _looks_like(row: Mapping[str, Any]) -> str | None:
    """The format that a row seems to have, in a word."""
    if is_preference(row):
        return "preference data"
    found = readings(row)
    return format_of(found[0]) if found else None


def _content(row: Mapping[str, Any], column: str) -> dict[str, Any]:
    return {"content": row[column]} if column in row else {}


def _optional(made: Converted, part: Part, wanted: type) -> tuple[Any, str] | None:
    """The value and the column of an optional part; None where it is empty, or a fault where it is something else."""
    column = made.layout.column(part)
    value = made.row.get(column) if column else None
    if column is None or value is None or value in ("", []):
        return None
    if not isinstance(value, wanted):
        words = "text" if wanted is str else "a list"
        made.faults.append(fault("data_type", f'"{column}" is {kind(value)}, not {words}', (column,)))
        return None
    return value, column


def _prompt(made: Converted, column: str) -> dict[str, Any]:
    found = _content(made.row, column)
    more = _optional(made, "input", str)
    if more is None:
        return found
    return {"content": f"{found['content']}\n{more[0]}" if found.get("content") else more[0]}


def _add_history(made: Converted) -> None:
    history, column = _optional(made, "history", list) or ([], "")
    for number, pair in enumerate(history):
        if not isinstance(pair, list) or len(pair) != 2:
            what = f"{number + 1} in {column!r} is no pair of question and answer"
            made.faults.append(fault("data_type", what, (column, number)))
            continue
        for place, role in enumerate(("user", "assistant")):
            made.add({"role": role, "content": pair[place]}, column, number, place)


def _add_turns(made: Converted, column: str, read: Callable[[Any], Any]) -> None:
    turns = made.row.get(column)
    if not isinstance(turns, list):
        what = f"{column!r} is {kind(turns)}, not a list"
        made.faults.append(fault("missing_messages_list", what, (column,)))
        return
    for number, item in enumerate(turns):
        made.add(read(item), column, number)


def _turn(made: Converted, turn: Any) -> Any:
    """One turn as a message; what is no turn stays as it is, for the checks to name."""
    if not isinstance(turn, dict):
        return turn
    if "from" not in turn:
        return turn | {"role": _speaker(turn["role"])} if "role" in turn else turn
    made.ignored.update(f"{key} (of a turn)" for key in turn.keys() - {"from", "value", *_KEPT_OF_A_TURN})
    kept = {key: turn[key] for key in _KEPT_OF_A_TURN if key in turn}
    if _folded(turn["from"]) == _CALL:
        return {"role": "assistant", "tool_calls": _calls(turn.get("value")), **kept}
    return {"role": _speaker(turn["from"]), **({"content": turn["value"]} if "value" in turn else {}), **kept}


def _speaker(name: Any) -> Any:
    folded = _folded(name)
    return SPEAKERS.get(folded, folded) if isinstance(folded, str) else folded


def _folded(name: Any) -> Any:
    return name.strip().casefold() if isinstance(name, str) else name


def _calls(value: Any) -> Any:
    """The calls that a turn holds, in OpenAI's form; the value itself where it holds none."""
    found = json_of(value)
    calls = found if isinstance(found, list) else [found]
    if not calls or not all(isinstance(call, dict) for call in calls):
        return [value]
    return [call if "function" in call else {"type": "function", "function": call} for call in calls]


def _tools(made: Converted) -> Any:
    column = made.layout.column("tools")
    found = json_of(made.row.get(column)) if column else None
    if not isinstance(found, list):
        return found or None
    return [tool if not isinstance(tool, dict) or "function" in tool else _function(tool) for tool in found] or None


def _function(definition: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": definition}


def _renamed(origin: Any, steps: Steps) -> Steps:
    """Steps into a message as steps into what it was made of."""
    if steps and isinstance(origin, dict) and "from" in origin:
        return (_OLD_NAMES.get(str(steps[0]), steps[0]), *steps[1:])
    return steps
