"""One line of a file to a conversation: a typed decoder for the many good lines, careful checks for the rest."""

from collections.abc import Iterator
from itertools import islice

import msgspec

from webapp.datasets.checking import explain
from webapp.datasets.faults import Fault, fault
from webapp.datasets.records import Conversation
from webapp.datasets.rules import conversation_faults
from webapp.datasets.wire import WireConversation, canonical, uses_older_names

_KNOWN_KEYS = frozenset(WireConversation.__struct_fields__)
MAX_FAULTS = 20

_strict = msgspec.json.Decoder(WireConversation)
_any_object = msgspec.json.Decoder(dict[str, object])


class Parsed(msgspec.Struct, frozen=True):
    """A valid line: its conversation, the keys beside it that were ignored, and whether older names were read."""

    conversation: Conversation
    unknown_keys: tuple[str, ...]
    older_names: bool


def parse(line: bytes) -> Parsed | list[Fault]:
    """The conversation of a line (without its line end), or its first faults, from 1 to `MAX_FAULTS`."""
    try:
        return _parse(line)
    except RecursionError:
        return [fault("too_deep", "the line is nested too deeply to be read")]


def _parse(line: bytes) -> Parsed | list[Fault]:
    try:
        conversation, unknown_keys = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = str(error)[:200]
    else:
        # Only the escaped form of U+0000 gets past a JSON decoder.
        found = _first(explain(line)) if b"\\u0000" in line else []
        found = found or _first(conversation_faults(conversation))
        return found or Parsed(canonical(conversation), unknown_keys, uses_older_names(conversation))
    # Out of the except block, which keeps all it decoded alive. The decoder's own words are the last resort.
    return _first(explain(line)) or [fault("data_type", reason)]


def _first(faults: Iterator[Fault]) -> list[Fault]:
    return list(islice(faults, MAX_FAULTS))


def _decode(line: bytes) -> tuple[WireConversation, tuple[str, ...]]:
    try:
        return _strict.decode(line), ()
    except msgspec.ValidationError:
        value = _any_object.decode(line)
        unknown = tuple(sorted(value.keys() - _KNOWN_KEYS))
        if not unknown:
            raise
        return msgspec.convert({key: value[key] for key in value.keys() & _KNOWN_KEYS}, WireConversation), unknown
