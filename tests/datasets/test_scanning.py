"""One look at many texts for many patterns."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.datasets.markers import MARKERS
from webapp.datasets.privacy import hits_in
from webapp.datasets.privacy_kinds import KIND_OF, KINDS
from webapp.datasets.scanning import BETWEEN_TEXTS, Scanner

SCANNER = Scanner({item.name: item.pattern for item in (*KINDS, *MARKERS)})


def present(scanner: Scanner, texts: Sequence[str]) -> list[tuple[int, list[str]]]:
    return list(scanner.present([text.encode(errors="replace") for text in texts]))


def test_only_texts_in_which_something_occurs_are_named_with_the_patterns_in_order() -> None:
    scanner = Scanner({"b": "b+", "a": "a", "never": "[0-9]{3,9}"})
    texts = ["x", "ab", "", "y", "z", "b", "12", "x"]
    assert present(scanner, texts) == [(1, ["b", "a"]), (5, ["b"])]
    assert present(scanner, []) == []


@pytest.mark.parametrize("count", [1, 3, 4, 5, 9])
def test_texts_are_told_apart_however_many_are_looked_at_together(count: int) -> None:
    scanner = Scanner({"a": "a"})
    for place in range(count):
        texts = ["x"] * count
        texts[place] = "a"
        assert present(scanner, texts) == [(place, ["a"])]


def test_a_line_begins_where_a_text_does_and_nothing_reads_across() -> None:
    assert present(Scanner({"begins": "(?m:^)a"}), ["xa", "ab", "xa"]) == [(1, ["begins"])]
    split = ["AKIAIOSFODNN", "7ABCDEFGH", "anna@", "lind.se"]
    assert hits_in(BETWEEN_TEXTS.decode().join(split), KIND_OF) == {}


@given(st.lists(st.text(st.characters()), max_size=6))
def test_the_scan_misses_nothing_that_is_there(texts: list[str]) -> None:
    seen = dict(present(SCANNER, texts))
    for place, text in enumerate(texts):
        there = {marker.name for marker in MARKERS if marker.occurs(text)} | set(hits_in(text, KIND_OF))
        assert there <= set(seen.get(place, ()))


def test_a_scan_that_runs_out_of_memory_rules_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def Match(self, text: bytes) -> None:  # noqa: ARG002, N802
            return None

    scanner = Scanner({"a": "a", "b": "b"})
    assert present(scanner, ["xxb"]) == [(0, ["b"])]
    monkeypatch.setattr(scanner, "_set", Full())
    assert present(scanner, ["xxb", "y"]) == [(0, ["a", "b"]), (1, ["a", "b"])]
