"""The partials of a file put together."""

from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.datasets.lines import ANSWER, GOOD, USER, Words, asked, block, gathered, line, ordered
from webapp.datasets.examining import KEPT_KEYS, Examination, Totals, examine
from webapp.datasets.gathering import Gathered
from webapp.datasets.languages import SAMPLE_EXAMPLES
from webapp.datasets.marks import bits

DIRTY = [
    GOOD,
    b"bad",
    asked("Where is it?", "[1]"),
    b"",
    ordered("sucta"),
    GOOD,
    line(USER, ANSWER, id=1, topic="a"),
    b"{}",
    asked("Where is it?", "Over there."),
    asked("日本", "TODO"),
] * 3


def everything(found: Gathered) -> list[object]:
    whole = found.compare(0.4)
    return [
        *(getattr(found, name).tolist() for name in ("lines", "tokens", "answer_hashes", "answer_characters")),
        *(found.invalid.tolist(), found.faults, found.totals, found.unknown_keys, found.sha256),
        *(whole.marks.tolist(), whole.duplicates.report(found.lines), whole.conflicts.report(found.lines)),
        *(found.excerpts.items(), [text for text, _ in found.sampled.items()]),
    ]


@pytest.mark.parametrize("cut", [1, 2, 7, 29])
def test_it_makes_no_difference_how_the_lines_are_cut_into_blocks(cut: int) -> None:
    with gathered(*DIRTY) as whole, gathered(*DIRTY, cut=cut) as parts:
        assert everything(parts) == everything(whole)


@settings(deadline=None)
@given(st.lists(st.sampled_from(DIRTY), min_size=1, max_size=12), st.integers(1, 5))
def test_nor_which_lines_they_are(lines: list[bytes], cut: int) -> None:
    with gathered(*lines) as whole, gathered(*lines, cut=cut) as parts:
        if len(whole):
            assert everything(parts) == everything(whole)
        assert len(parts) == len(whole)
        assert parts.invalid.tolist() == whole.invalid.tolist()


def test_the_digest_is_that_of_all_canonical_lines() -> None:
    by = Examination(Words())
    canonical = b"".join(examine(block(one), by).canonical for one in DIRTY)
    with gathered(*DIRTY, cut=4) as found:
        assert found.sha256 == sha256(canonical).hexdigest()


def test_nothing_taken_is_nothing() -> None:
    with gathered(b"bad") as found:
        assert (len(found), found.lines.tolist(), found.tokens.tolist()) == (0, [], [])
        assert (found.invalid.tolist(), found.totals) == ([1], Totals())


def test_what_only_the_whole_file_tells_is_marked() -> None:
    with gathered(GOOD, asked("Hi", "a"), b"bad", GOOD, asked("Hi", "b"), cut=1) as found:
        whole = found.compare(0.4)
        assert np.flatnonzero(whole.marks & np.uint64(bits(["exact_duplicates"]))).tolist() == [2]
        assert np.flatnonzero(whole.marks & np.uint64(bits(["conflicts"]))).tolist() == [1, 3]
        marked = whole.marked(found.lines)
        assert (marked.first("exact_duplicates"), marked.first("conflicts")) == ([4], [2, 5])


def test_a_bounded_number_of_unknown_keys_is_kept_the_same_in_any_cut() -> None:
    odd = [line(USER, ANSWER, **{f"key {number:03}": 1}) for number in range(90, -1, -1)]
    with gathered(*odd, cut=10) as found:
        assert found.unknown_keys == [f"key {number:03}" for number in range(KEPT_KEYS)]


@pytest.mark.parametrize("cut", [20_000, 3000, 501])
def test_a_large_set_is_sampled_from_all_over(cut: int) -> None:
    lines = [asked("en" if number % 2 else "fr", str(number)) for number in range(20_000)]
    with gathered(*lines, cut=cut) as found:
        sample = found.excerpts.items()
    assert len(set(sample)) == len(sample) == SAMPLE_EXAMPLES
    numbers = np.array([int(text.split()[1]) for text in sample])
    assert np.histogram(numbers, 4, (0, 20_000))[0].min() > 80
    assert np.mean(numbers % 2) == pytest.approx(0.5, abs=0.07)


def test_a_file_that_begins_with_long_lines_is_sampled_by_its_examples() -> None:
    """Ten blocks of a few long lines, and one of many short ones, which are nearly all of the file."""
    long, short = [asked(f"long {number}", "a") for number in range(100)], [asked("short", "b")] * 5000
    by = Examination(Words())
    with gathered(*long, cut=10) as found:
        found.add(examine(block(*short, first=101), by))
        sample = found.excerpts.items()
        assert len(sample) == SAMPLE_EXAMPLES
        assert sum(text.startswith("short") for text in sample) > 0.9 * SAMPLE_EXAMPLES


def test_leakage_takes_the_partials_of_the_other_file() -> None:
    by = Examination(Words())
    long = asked("one three fifteen", "several words that are said to and fro for the sake of length")
    with gathered(GOOD, long, cut=1) as found:
        found.compare(0.4)
        other = [examine(block(b"bad", long), by), examine(block(asked("Other", "words"), first=3), by)]
        leaked = found.leakage(other, 0.4)
    assert (leaked.checked, leaked.count, leaked.rows[0].validation_line, leaked.rows[0].line) == (2, 1, 2, 2)
