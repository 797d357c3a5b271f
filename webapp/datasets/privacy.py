"""Personal data and secrets: where they are, how many, and never what they are."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from webapp.datasets.marks import Marked
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


def hits_in(text: str, kinds: Iterable[str]) -> Counter[str]:
    """How many hits of each of these kinds are in a text; only kinds that have one."""
    return +Counter({name: sum(1 for _ in spans(KIND_OF[name], text)) for name in kinds})


def privacy_report(hits: Mapping[str, int], marked: Marked) -> Privacy:
    """The kinds that occur, in the order of KINDS."""
    return Privacy(
        {name: PrivacyHits(hits[name], marked.count(name), marked.first(name)) for name in KIND_OF if hits.get(name)}
    )


def summary(hits: Mapping[str, int], group: str) -> str:
    """What was found of a group in words: "2 e-mail addresses, 1 phone number"."""
    found = ((kind, hits.get(kind.name, 0)) for kind in KIND_OF.values() if kind.group == group)
    return ", ".join(f"{count} {kind.what[count > 1]}" for kind, count in found if count)
