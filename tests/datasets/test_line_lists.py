"""The full lists of lines behind a report."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from webapp.datasets import Examples, ExampleWriter, all_lines, analyze, lines_of
from webapp.datasets.report import Analysis
from webapp.errors import Problem


def row(prompt: str, answer: str, **more: Any) -> str:
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns, **more})


LONG = "The bicycles of the harbour are taken in at six, cleaned, and put back in their stands before the night begins."
ROWS = [
    *["not json"] * 150,
    *[row(f"Question {n}?", f"It is {n} of {n * n}, as the table in chapter {n} says.", id=n) for n in range(30)],
    *[row("When are they taken in?", LONG)] * 25,
    *[row("When are they taken in?", f"Mail desk{n}@harbour-bikes.com {n}") for n in range(25)],
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Analysis, Examples]:
    folder = tmp_path_factory.mktemp("lists")
    (folder / "data.jsonl").write_text("\n".join(ROWS))
    with ExampleWriter(folder / "examples") as sink:
        report = analyze(folder / "data.jsonl", sink=sink, max_items=1000)
    return report, Examples(folder / "examples")


@pytest.mark.parametrize(
    ("code", "first", "count"),
    [
        ("invalid_lines", 1, 150),
        ("unknown_keys", 151, 30),
        ("exact_duplicates", 182, 24),
        ("conflicts", 181, 50),
        ("email", 206, 25),
        ("personal_data", 206, 25),
    ],
)
def test_every_line_is_listed_where_the_report_names_the_first(
    stored: tuple[Analysis, Examples], code: str, first: int, count: int
) -> None:
    lines = lines_of(stored[1], code)
    assert (int(lines[0]), len(lines)) == (first, count)
    assert (np.diff(lines.astype(np.int64)) > 0).all()
    named = {issue.code: issue for issue in stored[0].quality_issues}.get(code)
    assert named is None or (named.count, named.lines) == (count, lines[:20].tolist())


@pytest.mark.parametrize("code", ["nonsense", "too_few_to_train", "", "../index"])
def test_what_has_no_list_is_not_found(stored: tuple[Analysis, Examples], code: str) -> None:
    with pytest.raises(Problem) as caught:
        lines_of(stored[1], code)
    assert (caught.value.code, caught.value.status) == ("unknown_issue", 404)


def test_the_full_report_has_every_line_and_every_group(stored: tuple[Analysis, Examples]) -> None:
    report, examples = stored
    full = all_lines(report, examples)
    assert len(full["invalid_lines"]["items"]) == len(full["invalid_lines"]["lines"]) == 150
    for issue in full["quality_issues"]:
        assert len(issue["lines"]) == issue["count"]
    assert full["privacy"]["kinds"]["email"]["lines"] == list(range(206, 231))
    assert full["duplicates"]["groups"][0] == {"kind": "exact", "size": 25, "lines": list(range(181, 206))}
    assert full["conflicts"]["groups"] == [{"size": 50, "lines": list(range(181, 231))}]
    assert len(full["duplicates"]["examples"]) == report.duplicates.count
    json.dumps(full)


def test_a_set_without_groups_has_none(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text(ROWS[150])
    with ExampleWriter(tmp_path / "examples") as sink:
        report = analyze(tmp_path / "data.jsonl", sink=sink)
    full = all_lines(report, Examples(tmp_path / "examples"))
    assert (full["duplicates"]["groups"], full["conflicts"]["groups"]) == ([], [])
