"""Private data gives way to placeholders, the same for the same thing in the whole dataset."""

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import msgspec

from webapp.datasets.privacy import spans
from webapp.datasets.privacy_kinds import KIND_OF, KINDS, Kind
from webapp.datasets.repair.rows import Row
from webapp.datasets.scanning import Scanner

_DIGEST_BYTES = 16
_SHORTEST = 6  # a@b.co
_PASSWORD = KIND_OF["password"]


class Redactor:
    """Remembers 16 bytes of each thing it has met, never the thing; numbers by first appearance, for each kind."""

    def __init__(self) -> None:
        self._scanner = Scanner({kind.name: kind.pattern for kind in KINDS})
        self._numbers: dict[bytes, int] = {}
        self._met: Counter[str] = Counter()

    def redact(self, row: Row) -> Row:
        """The row with placeholders in its texts, its tools and the arguments of calls; itself when there is no hit."""
        redacted: Row = self._value(row)
        return redacted

    def text(self, text: str) -> str:
        """The text with placeholders; no kind has a hit in it any more."""
        # What stands beside a placeholder now may be a hit that its neighbour hid.
        while hits := self._hits(text):
            pieces, end = [], 0
            for start, stop, kind in hits:
                pieces += [text[end:start], self._placeholder(kind, text[start:stop])]
                end = stop
            text = "".join((*pieces, text[end:]))
        return text

    def _hits(self, text: str) -> list[tuple[int, int, Kind]]:
        """Hits from left to right; of two that overlap the one that begins first, then the longer one."""
        if len(text) < _SHORTEST:
            return []
        kinds = [KIND_OF[name] for _, names in self._scanner.present([text.encode(errors="replace")]) for name in names]
        found = [(start, -stop, place) for place, kind in enumerate(kinds) for start, stop in spans(kind, text)]
        return list(_apart((start, -stop, kinds[place]) for start, stop, place in sorted(found)))

    def _placeholder(self, kind: Kind, hit: str) -> str:
        met = f"{kind.name} {hit.casefold()}".encode(errors="replace")
        digest = blake2b(met, digest_size=_DIGEST_BYTES).digest()
        if digest not in self._numbers:
            self._met[kind.name] += 1
            self._numbers[digest] = self._met[kind.name]
        number = self._numbers[digest]
        return f"[{kind.name.upper()}_{number}]"

    def _value(self, value: Any) -> Any:
        """Any JSON value, its texts redacted; the same object when nothing is."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int) and not isinstance(value, bool):
            redacted = self.text(str(value))
            return value if redacted == str(value) else redacted
        if isinstance(value, list):
            items = [self._value(item) for item in value]
            return value if all(new is old for new, old in zip(items, value, strict=True)) else items
        return self._object(value) if isinstance(value, dict) else value

    def _object(self, value: Row) -> Row:
        members = {self.text(name): self._member(name, item) for name, item in value.items()}
        same = members.keys() == value.keys() and all(members[name] is value[name] for name in value)
        return value if same else members

    def _member(self, name: str, value: Any) -> Any:
        if isinstance(value, str) and name == "arguments":
            return self._arguments(value)
        if isinstance(value, str) and next(spans(_PASSWORD, f'"{name}": "{value}"'), None):
            return self._placeholder(_PASSWORD, value)
        return self._value(value)

    def _arguments(self, text: str) -> str:
        """JSON within a text stays JSON: placeholders go into its strings."""
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return self.text(text)
        redacted = self._value(value)
        return text if redacted is value else msgspec.json.encode(redacted).decode()


def _apart(hits: Iterator[tuple[int, int, Kind]]) -> Iterator[tuple[int, int, Kind]]:
    end = 0
    for start, stop, kind in hits:
        if start >= end:
            yield start, stop, kind
            end = stop
