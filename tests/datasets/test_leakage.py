"""Examples for validation that repeat one for training."""

import io
import random

import pytest

from tests.datasets.lines import asked
from webapp.datasets import Analysis, analyze
from webapp.datasets.group_report import Leakage, LeakedRow
from webapp.datasets.leakage import MAX_LEAKED_ROWS
from webapp.errors import Problem

DRAW = random.Random(3)
WORDS = ["".join(DRAW.choices("abcdefghijklmnopqrstuvwxyz", k=DRAW.randint(3, 9))) for _ in range(5000)]


def row(seed: int, changed: str = "") -> bytes:
    words = random.Random(seed).choices(WORDS, k=60)
    return asked(" ".join(words[:10]), " ".join([*words[10:], changed]).strip())


def report(training: list[bytes], validation: list[bytes], **options: float) -> Analysis:
    return analyze(io.BytesIO(b"\n".join(training)), validation=io.BytesIO(b"\n".join(validation)), **options)


def leaked(training: list[bytes], validation: list[bytes], **options: float) -> Leakage:
    found = report(training, validation, **options).leakage
    assert found
    return found


def test_exact_copies_and_near_ones_are_told_apart_each_with_its_line_in_its_own_file() -> None:
    training = [b"bad", row(1), b"", row(2), row(3)]
    validation = [b"", row(9), row(3), b"{}", row(2, "changed"), row(8)]
    rows = [LeakedRow(3, 5, "exact"), LeakedRow(5, 4, "near")]
    assert leaked(training, validation) == Leakage(checked=4, count=2, exact=1, near=1, rows=rows)


def test_nothing_leaks_between_files_that_have_nothing_in_common() -> None:
    assert leaked([row(1), row(2)], [row(3)]) == Leakage(1, 0, 0, 0, [])


def test_what_repeats_within_the_file_for_validation_only_is_none() -> None:
    assert leaked([row(1)], [row(2), row(2), row(2, "changed")]) == Leakage(3, 0, 0, 0, [])


def test_the_first_example_for_training_is_named_whatever_repeats_it_there() -> None:
    training = [row(7), row(1), row(1), row(1, "changed")]
    found = leaked(training, [row(1), row(1, "changed"), row(1, "again")])
    assert [(one.validation_line, one.kind) for one in found.rows] == [(1, "exact"), (2, "exact"), (3, "near")]
    assert [one.line for one in found.rows] == [2, 4, 2]


def test_another_copy_within_the_file_for_validation_leaks_as_well() -> None:
    found = leaked([row(1)], [row(1, "changed"), row(1, "changed"), row(1), row(1)])
    assert [(one.validation_line, one.line, one.kind) for one in found.rows] == [
        (1, 1, "near"),
        (2, 1, "near"),
        (3, 1, "exact"),
        (4, 1, "exact"),
    ]


def test_the_threshold_holds_here_too() -> None:
    training, validation = [row(1)], [row(1, "changed")]
    assert leaked(training, validation, near_threshold=0.9).near == 1
    assert leaked(training, validation, near_threshold=1.0).near == 0


def test_only_the_first_rows_are_named_but_all_counted() -> None:
    rows = [row(number) for number in range(150)]
    found = leaked(rows, rows[::-1])
    assert (found.checked, found.count, found.exact) == (150, 150, 150)
    assert [one.validation_line for one in found.rows] == list(range(1, MAX_LEAKED_ROWS + 1))
    assert [one.line for one in found.rows] == list(range(150, 50, -1))


def test_all_else_of_the_report_is_that_of_the_training_file_alone() -> None:
    training = [row(number) for number in range(60)]
    alone = analyze(io.BytesIO(b"\n".join(training))).to_dict()
    both = report(training, [row(3), b"{}", row(99), row(3)]).to_dict()
    issue = next(issue for issue in both["quality_issues"] if issue["code"] == "leakage")
    assert (issue["severity"], issue["count"], issue["lines"]) == ("warning", 2, [4])
    assert "2 of 3 examples for validation" in issue["message"]
    assert alone["leakage"] is None
    different = {name for name in both if both[name] != alone[name]}
    assert different == {"leakage", "quality_issues"}


def test_a_file_for_validation_in_another_encoding_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        analyze(io.BytesIO(row(1)), validation=io.BytesIO(row(1).decode().encode("utf-16")))
    assert caught.value.code == "unsupported_encoding"


def test_a_file_for_validation_without_an_example_has_nothing_to_check() -> None:
    assert leaked([row(1)], [b"bad"]) == Leakage(0, 0, 0, 0, [])
