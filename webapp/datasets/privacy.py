"""Personal data and secrets: where they are, how many, and never what they are."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from webapp.datasets.findings import Sighting
from webapp.datasets.privacy_kinds import KIND_OF, Kind
from webapp.datasets.report import Privacy, PrivacyHits


def spans(kind: Kind, text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every hit of one kind in `text`; hits of one kind do not overlap."""
    match = kind.compiled.search(text)
    while match:
        confirmed = kind.confirm is None or kind.confirm(match)
        # A false start must not hide what begins within it.
        after = match.start() + 1
        if confirmed:
            start, end = kind.extent(match)
            yield start, end
            after = max(end, match.end())
        match = kind.compiled.search(text, after)


class PrivacyTally:
    """Hits by kind, and the examples they are in; `groups` holds the examples with any hit of a group."""

    def __init__(self) -> None:
        self._hits: Counter[str] = Counter()
        self._examples: defaultdict[str, Sighting] = defaultdict(Sighting)
        self.groups: defaultdict[str, Sighting] = defaultdict(Sighting)

    def add(self, text: str, present: Iterable[str], line: int) -> None:
        """Counts the hits in one example's `text`, where only the kinds in `present` can occur."""
        hits = {name: sum(1 for _ in spans(KIND_OF[name], text)) for name in present if name in KIND_OF}
        found = [name for name, count in hits.items() if count]
        self._hits.update(hits)
        for name in found:
            self._examples[name].add(line)
        for group in {KIND_OF[name].group for name in found}:
            self.groups[group].add(line)

    def report(self) -> Privacy:
        """The kinds that occur, in the order of KINDS."""
        return Privacy(
            {
                name: PrivacyHits(self._hits[name], sighting.count, list(sighting.lines))
                for name in KIND_OF
                if (sighting := self._examples.get(name))
            }
        )

    def summary(self, group: str) -> str:
        """What was found of a group in words: "2 e-mail addresses, 1 phone number"."""
        found = ((kind, self._hits[kind.name]) for kind in KIND_OF.values() if kind.group == group)
        return ", ".join(f"{count} {kind.what[count > 1]}" for kind, count in found if count)
