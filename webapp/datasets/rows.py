"""A block of lines to examples: one typed decoder for the many plain ones, a careful look at the rest.

A plain example holds only messages with a role and a text, so that its roles say whether it is valid. What the decoder
passes over (see doubts.py) is ruled out for all plain lines of a block at once: they have as many quotation marks as
their canonical lines, and no escape that could spell one. Otherwise each of them is compared on its own.
"""

from collections.abc import Container, Iterator, Sequence
from typing import TypeVar

import msgspec
import numpy as np

from webapp.datasets.bad_lines import KEPT_LINES, BadLine, kept
from webapp.datasets.conversion import form_of
from webapp.datasets.faults import Fault, fault
from webapp.datasets.formats import OPENAI_MESSAGES, Layout
from webapp.datasets.parsing import Parsed, explain, parse
from webapp.datasets.reading import MAX_LINE_BYTES, Block
from webapp.datasets.records import Conversation, encode, encode_all
from webapp.datasets.report import InvalidLine
from webapp.datasets.shapes import are_plain, order_of, orders_of

MAX_INVALID_ITEMS = 100
Item = TypeVar("Item")

_QUOTE = b'"'
_ESCAPE, _SPELLED_OUT = b"\\u00", (b"\\u0000", b"\\u0022")
_TOO_LONG = fault("line_too_long", f"the line is longer than {MAX_LINE_BYTES // (1024 * 1024)} MiB")

_decode = msgspec.json.Decoder(Conversation).decode
_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Rows(msgspec.Struct):
    """The examples of a block, as columns: lines (1-based), what they say, and the first letters of its roles.

    `canonical` are their canonical lines, one after another.

    `noticed` has the marks of those that need more than their messages' texts to be read, or had more beside them, by
    their place; `unknown_keys` are the names of that.
    `invalid` are the numbers of the lines that are no examples, `faults` those of the first of them, and `refused` what
    is kept of these.
    """

    numbers: list[int] = []
    conversations: list[Conversation] = []
    canonical: bytearray = bytearray()
    orders: list[str] = []
    noticed: dict[int, list[str]] = {}
    unknown_keys: set[str] = set()
    invalid: list[int] = []
    faults: list[InvalidLine] = []
    refused: list[BadLine] = []

    def __len__(self) -> int:
        return len(self.numbers)

    def add(self, number: int, parsed: Parsed) -> None:
        """Takes an example of which a careful look was needed."""
        conversation, order = parsed.conversation, order_of(parsed.conversation)
        marks = {
            "tool_calls": any(message.tool_calls for message in conversation.messages),
            "unknown_keys": bool(parsed.unknown_keys),
            "older_names": parsed.older_names,
        }
        names = [name for name, is_so in marks.items() if is_so]
        if names or not are_plain([conversation], [order]):
            self.noticed[len(self)] = names
        self.unknown_keys.update(parsed.unknown_keys)
        self.append(number, conversation, encode(conversation), order)

    def append(self, number: int, conversation: Conversation, encoded: bytes, order: str) -> None:
        """Takes an example."""
        self.numbers.append(number)
        self.conversations.append(conversation)
        self.canonical += encoded
        self.orders.append(order)

    def refuse(self, number: int, line: bytes | None, faults: Sequence[Fault]) -> None:
        """Takes an invalid line, None when it is too long, with its faults."""
        self.invalid.append(number)
        if len(self.refused) < KEPT_LINES:
            self.refused.append(kept(number, line, faults))
        self.faults.extend(_named(number, faults))

    def merged(self, others: "Rows") -> "Rows":
        """These plain ones and all others, by their lines."""
        numbers = self.numbers + others.numbers
        order = sorted(range(len(numbers)), key=numbers.__getitem__)

        def ordered(column: Sequence[Item]) -> list[Item]:
            return [column[row] for row in order]

        places = enumerate(row - len(self) for row in order)
        return Rows(
            ordered(numbers),
            ordered(self.conversations + others.conversations),
            bytearray(b"".join(ordered(_lines(self.canonical) + _lines(others.canonical)))),
            ordered(self.orders + others.orders),
            {place: others.noticed[row] for place, row in places if row in others.noticed},
            others.unknown_keys,
            others.invalid,
            others.faults,
            others.refused,
        )


def read_rows(block: Block, layout: Layout = OPENAI_MESSAGES, max_items: int = MAX_INVALID_ITEMS) -> Rows:
    """The rows of a block of a file with this layout; at most `max_items` faults are named."""
    rows = _plain_rows(block) if layout.verbatim else Rows()
    if len(rows) == len(block.lines):
        return rows
    return rows.merged(_other_rows(block, set(rows.numbers), layout, max_items))


def _other_rows(block: Block, plain: Container[int], layout: Layout, max_items: int) -> Rows:
    """The lines of a block whose numbers are not among the plain ones."""
    form = form_of(layout)
    found = Rows()
    refused: set[bytes] = set()  # a file may be one bad line, millions of times
    for number, line in enumerate(block.lines, block.first):
        if number in plain:
            continue
        if line is None:
            found.refuse(number, line, [_TOO_LONG][: max_items - len(found.faults)])
        elif line and not line.isspace():
            room = max_items - len(found.faults)
            if not room and line in refused:
                found.refuse(number, line, [])
            elif parsed := parse(line, form):
                found.add(number, parsed)
            else:
                # Beyond what the report names, lines are only counted: explaining costs much more than refusing.
                found.refuse(number, line, explain(line, form)[:room] if room else [])
                refused.add(line)
    return found


def _plain_rows(block: Block) -> Rows:
    """The plain lines of a block."""
    numbers, lines, conversations = _decoded(block)
    orders, canonical = orders_of(conversations), encode_all(conversations)
    if are_plain(conversations, orders) and not _doubtful(lines, canonical):
        return Rows(numbers, conversations, bytearray(canonical), orders)
    found = Rows()
    for number, line, one, order, encoded in zip(numbers, lines, conversations, orders, _lines(canonical), strict=True):
        if are_plain([one], [order]) and not _doubtful([line], encoded):
            found.append(number, one, encoded, order)
    return found


def _decoded(block: Block) -> tuple[list[int], list[bytes], list[Conversation]]:
    """The lines that seem plain: their numbers, what they are, and what they say."""
    lines = [line for line in block.lines if line]
    if len(lines) == len(block.lines):
        try:
            return list(range(block.first, block.first + len(lines))), lines, list(map(_decode, lines))
        except _REFUSALS:
            pass
    found = list(_one_by_one(block))
    return [number for number, _, _ in found], [line for _, line, _ in found], [one for _, _, one in found]


def _one_by_one(block: Block) -> Iterator[tuple[int, bytes, Conversation]]:
    failed: set[bytes] = set()
    for number, line in enumerate(block.lines, block.first):
        if line and not (failed and line in failed):
            try:
                yield number, line, _decode(line)
            except _REFUSALS:
                failed.add(line)


def _doubtful(lines: Sequence[bytes], canonical: bytes) -> bool:
    """Whether plain lines may have a fault all the same; `canonical` are theirs, one after another."""
    raw = b"".join(lines)
    if _ESCAPE in raw and any(escape in line for line in lines if _ESCAPE in line for escape in _SPELLED_OUT):
        return True
    return _quotes(raw) != _quotes(canonical)


def _quotes(text: bytes) -> int:
    # bytes.count of a frequent character takes ten times as long.
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord(_QUOTE)))


def _lines(canonical: bytes | bytearray) -> list[bytes]:
    return bytes(canonical).splitlines(keepends=True)


def _named(number: int, faults: Sequence[Fault]) -> Iterator[InvalidLine]:
    return (InvalidLine(number, item.column, item.path, item.code, item.message) for item in faults)
