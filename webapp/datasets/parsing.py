"""One line of a file to a conversation: a typed decoder for the many good lines, careful checks for the rest."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from webapp.datasets.checking import value_faults
from webapp.datasets.doubts import doubtful
from webapp.datasets.faults import Fault, fault
from webapp.datasets.places import columns, too_deep
from webapp.datasets.records import Conversation
from webapp.datasets.rules import MAX_DEPTH, conversation_faults
from webapp.datasets.syntax import UnreadableError, read_json, text_faults
from webapp.datasets.wire import WireConversation, canonical, uses_older_names

_KNOWN_KEYS = frozenset(WireConversation.__struct_fields__)
MAX_FAULTS = 20
_TOO_DEEP = "the line is nested too deeply to be read"

_strict = msgspec.json.Decoder(WireConversation)
_any_object = msgspec.json.Decoder(dict[str, object])


class Parsed(msgspec.Struct, frozen=True):
    """A valid line: its conversation, the keys beside it that were ignored, and whether older names were read."""

    conversation: Conversation
    unknown_keys: tuple[str, ...]
    older_names: bool


# A line whose types are right: its conversation, ignored keys, and how many names it has at the least (0: any number of
# them, and perhaps a number among its values).
Decoded = tuple[WireConversation, tuple[str, ...], int]


class Form(NamedTuple):
    """A way to write a conversation: how a line is decoded (msgspec's errors refuse it), and a value's faults told."""

    decode: Callable[[bytes], Decoded]
    faults: Callable[[object], Iterator[Fault]]


def _decode(line: bytes) -> Decoded:
    unknown: tuple[str, ...] = ()
    try:
        conversation = _strict.decode(line)
    except msgspec.ValidationError:
        value = _any_object.decode(line)
        unknown = tuple(sorted(value.keys() - _KNOWN_KEYS))
        if not unknown:
            raise
        conversation = msgspec.convert({key: value[key] for key in value.keys() & _KNOWN_KEYS}, WireConversation)
    return conversation, unknown, 0 if unknown else 2 * len(conversation.messages) + 1


OPENAI_FORM = Form(_decode, value_faults)


def parse(line: bytes, form: Form = OPENAI_FORM) -> Parsed | None:
    """The conversation of a line (without its line end); None when `explain` has something to say about it."""
    try:
        conversation, unknown_keys, names = form.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if next(conversation_faults(conversation), None):
        return None
    if doubtful(line, names) and explain(line, form):
        return None
    return Parsed(canonical(conversation), unknown_keys, uses_older_names(conversation))


def explain(line: bytes, form: Form = OPENAI_FORM) -> list[Fault]:
    """All faults of a line, each with its place, at most `MAX_FAULTS`; none when it is an example."""
    found: list[Fault] = []
    try:
        text, value = read_json(line)
        for item in islice(_faults(text, value, form), MAX_FAULTS):
            found.append(item)
    except UnreadableError as error:
        return [error.fault]
    except RecursionError:
        text = line.decode("utf-8")
        found.append(fault("too_deep", _TOO_DEEP, *(too_deep(text, MAX_DEPTH) or ())))
    return _placed(found or list(_objections(line, form)), text)


def _faults(text: str, value: object, form: Form) -> Iterator[Fault]:
    yield from text_faults(text)
    yield from form.faults(value)


def _placed(faults: list[Fault], text: str) -> list[Fault]:
    wanted = {item.steps for item in faults if item.column is None and item.steps is not None}
    found = columns(text, wanted)
    return [
        item
        if item.column is not None or item.steps is None
        else msgspec.structs.replace(item, column=found.get(item.steps))
        for item in faults
    ]


def _objections(line: bytes, form: Form) -> Iterator[Fault]:
    """What the decoder has against a line, in its own words: the last resort."""
    try:
        form.decode(line)
    except (msgspec.DecodeError, UnicodeError) as error:
        yield fault("data_type", str(error)[:200])
    except RecursionError:
        yield fault("too_deep", _TOO_DEEP)
