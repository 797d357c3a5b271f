"""One bit for everything that can be noticed about an example."""

import numpy as np
import pytest

from webapp.datasets.issue_fixes import ISSUE_FIXES
from webapp.datasets.marks import FIRST_LINES, NAMES, Marked, bits
from webapp.datasets.privacy_kinds import KINDS
from webapp.datasets.report import Characteristics


def test_every_mark_has_a_name_and_a_bit_of_its_own_and_all_fit_into_64() -> None:
    assert len(set(NAMES)) == len(NAMES) <= 64
    assert len({bits([name]) for name in NAMES}) == len(NAMES)
    assert all(bits([name]).bit_count() == 1 for name in NAMES)
    assert bits(NAMES) < 2**64


def test_bits_of_several_marks_are_those_of_each() -> None:
    assert bits([]) == 0
    assert bits(["multi_turn", "conflicts", "multi_turn"]) == bits(["multi_turn"]) | bits(["conflicts"])


def test_a_group_is_any_of_its_kinds() -> None:
    assert bits(["secrets", "personal_data"]) == bits(kind.name for kind in KINDS)
    assert bits(["secrets"]) & bits(["personal_data"]) == 0


def test_what_the_report_counts_is_a_mark() -> None:
    assert set(Characteristics.MARKS) <= set(NAMES)
    assert set(ISSUE_FIXES) - set(NAMES) == {
        "too_few_to_train",
        "few_examples",
        "invalid_lines",
        "leakage",
        "secrets",
        "personal_data",
    }


def marked(*examples: list[str]) -> Marked:
    """Examples with these marks, on every second line."""
    lines = np.arange(1, 2 * len(examples), 2, np.uint32)
    return Marked(lines, np.array([bits(found) for found in examples], np.uint64))


def test_lines_are_those_of_the_examples_with_the_mark() -> None:
    found = marked(["email"], [], ["email", "refusals"], ["jwt"])
    assert len(found) == 4
    assert found.lines("email").tolist() == found.first("email") == [1, 5]
    assert (found.count("email"), found.count("refusals"), found.count("phone")) == (2, 1, 0)
    assert (found.first("personal_data"), found.first("secrets")) == ([1, 5], [7])


def test_only_the_first_lines_are_named() -> None:
    found = marked(*[["email"]] * 99)
    assert found.count("email") == len(found.lines("email")) == 99
    assert found.first("email") == list(range(1, 2 * FIRST_LINES, 2))


@pytest.mark.parametrize("name", [NAMES[0], NAMES[-1]])
def test_the_first_and_the_last_bit(name: str) -> None:
    assert marked([name], []).lines(name).tolist() == [1]
