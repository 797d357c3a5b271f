"""The first pass of a fix: each row by itself, line by line, in constant memory but for 4 bytes a row."""

from array import array
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from webapp.datasets.answers import teaches_nothing
from webapp.datasets.opening import RowStream
from webapp.datasets.parsing import Parsed, parse
from webapp.datasets.records import Conversation, encode
from webapp.datasets.repair.changes import MAX_CHANGES, Change, changed, dropped
from webapp.datasets.repair.messages import merge_turns, normalise_roles, strip_markers, trim
from webapp.datasets.repair.operations import (
    DropEmpty,
    DropInvalid,
    Operation,
    Plan,
    Redact,
    SplitLong,
    StripMarkers,
)
from webapp.datasets.repair.redaction import Redactor
from webapp.datasets.repair.rows import Found, Row, close_row, open_row, read_rows, without_marks
from webapp.datasets.repair.splitting import Splitter
from webapp.datasets.tokens import Tokenizer

_STEPS: dict[str, Callable[[Row], Row]] = {
    "strip_markers": strip_markers,
    "normalise_roles": normalise_roles,
    "trim": trim,
    "merge_turns": merge_turns,
}


_ROWS_A_REPORT = 200


class Tally:
    """What one operation did: rows `changed`, `dropped` and `added`, and the first of these changes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.changed = self.dropped = self.added = 0
        self.changes: list[Change] = []

    def note(self, change: Callable[[], Change]) -> None:
        """Keeps a change to be shown, as long as there is room."""
        if len(self.changes) < MAX_CHANGES:
            self.changes.append(change())


class Mending:
    """Does the operations of `plan` that look at one row; `lines[i]` is the source's line of row i of what it wrote."""

    def __init__(self, plan: Plan, tokenizer: Tokenizer) -> None:
        self.tallies = {operation.name: Tally(operation.name) for operation in plan.operations}
        self.lines = array("I")
        self.read = self.invalid = self.unreadable = self.too_long = self.unknown_keys = 0
        self._strips_marks = plan.get(StripMarkers) is not None
        self._drops_invalid = plan.get(DropInvalid) is not None
        self._drops_empty = plan.get(DropEmpty) is not None
        self._steps = [(operation.name, _step(operation)) for operation in plan.operations if _is_step(operation)]
        split = plan.get(SplitLong)
        self.splitter = Splitter(tokenizer, split.max_tokens) if split else None

    def run(self, source: RowStream, target: BinaryIO, progress: Callable[[float], None]) -> None:
        """Reads every row of `source` and writes what becomes of it; `progress` gets the share that was read."""
        for found in read_rows(source):
            self.read += 1
            for content in self._mended(found):
                target.write(content + b"\n")
                self.lines.append(found.line.number)
            if self.read % _ROWS_A_REPORT == 0:
                progress(found.share)

    def _mended(self, found: Found) -> list[bytes]:
        line = found.line
        if line.content is None:
            self.too_long += 1
            return []
        content = without_marks(line.content) if self._strips_marks else line.content
        row, parsed = open_row(content)
        if row is None:
            self.unreadable += not self._drops_invalid
            return self._still_invalid(line.number, None, line.content)
        mended = self._stepped(line.number, row, marked=content != line.content)
        if mended is not row:
            content = close_row(mended)
            parsed = parse(content)
        if not parsed:
            return self._still_invalid(line.number, mended, content)
        self.unknown_keys += found.left_out or bool(parsed.unknown_keys)
        return self._finished(line.number, mended, parsed)

    def _stepped(self, line: int, row: Row, *, marked: bool) -> Row:
        """The row once no step changes it any more: what a later step leaves may be work for an earlier one."""
        touched: set[str] = set()
        before = None
        while before is not row:
            before = row
            for name, step in self._steps:
                after = step(row)
                if (after is not row or (marked and name == "strip_markers")) and name not in touched:
                    touched.add(name)
                    self._note_step(name, line, row, after)
                row = after
        return row

    def _note_step(self, name: str, line: int, before: Row, after: Row) -> None:
        tally = self.tallies[name]
        tally.changed += 1
        tally.note(lambda: changed(line, before, [after]))

    def _finished(self, line: int, row: Row, parsed: Parsed) -> list[bytes]:
        parts = self.splitter.split(parsed.conversation) if self.splitter else [parsed.conversation]
        if len(parts) > 1:
            tally = self.tallies["split_long"]
            tally.changed += 1
            tally.added += len(parts) - 1
            tally.note(lambda: changed(line, row, [msgspec.to_builtins(part) for part in parts]))
        return [encode(part).rstrip(b"\n") for part in parts if not self._drop_empty(line, part)]

    def _drop_empty(self, line: int, part: Conversation) -> bool:
        if not (self._drops_empty and teaches_nothing(part)):
            return False
        tally = self.tallies["drop_empty"]
        tally.dropped += 1
        tally.note(lambda: dropped(line, msgspec.to_builtins(part), b""))
        return True

    def _still_invalid(self, line: int, row: Row | None, content: bytes) -> list[bytes]:
        if not self._drops_invalid:
            self.invalid += 1
            return [content]
        tally = self.tallies["drop_invalid"]
        tally.dropped += 1
        tally.note(lambda: dropped(line, row, content))
        return []


def _is_step(operation: Operation) -> bool:
    return operation.name in _STEPS or isinstance(operation, Redact)


def _step(operation: Operation) -> Callable[[Row], Row]:
    return Redactor().redact if isinstance(operation, Redact) else _STEPS[operation.name]
