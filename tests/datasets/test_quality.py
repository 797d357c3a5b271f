"""The quality score and the issues behind it."""

import io
import json
from typing import Any

import pytest

from webapp.datasets import Analysis, analyze
from webapp.datasets.report import Issue


def rows(count: int, answer: str = "The answer to {} is known.", **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "messages": [
                {"role": "user", "content": f"Question {number}?"},
                {"role": "assistant", "content": answer.format(number)},
            ],
            **more,
        }
        for number in range(count)
    ]


def report(examples: list[Any]) -> Analysis:
    return analyze(io.BytesIO("\n".join(map(json.dumps, examples)).encode()))


def issues(examples: list[Any]) -> dict[str, Issue]:
    return {issue.code: issue for issue in report(examples).quality_issues}


def parts(examples: list[Any]) -> dict[str, float]:
    return {part.name: part.score for part in report(examples).quality.parts}


def test_a_perfect_set_of_300_scores_one_and_has_no_issue() -> None:
    perfect = report(rows(300))
    assert perfect.quality_score == 1.0
    assert perfect.quality_issues == []


def test_the_score_is_the_weighted_geometric_mean_of_its_parts() -> None:
    flawed = report([*rows(100), *rows(20), {}])
    expected = 1.0
    for part in flawed.quality.parts:
        expected *= part.score**part.weight
    assert flawed.quality_score == pytest.approx(expected, abs=1e-4)
    assert sum(part.weight for part in flawed.quality.parts) == pytest.approx(1)
    assert all(part.why for part in flawed.quality.parts)


def test_each_part() -> None:
    assert parts([*rows(300), *[{}] * 100])["validity"] == 0.75
    assert parts(rows(50) * 4)["uniqueness"] == 0.25
    assert parts(rows(50))["size"] == 0.25
    assert parts([*rows(270), *rows(15, " "), *rows(15, "Hm")])["answers"] == 0.9
    unanswered = [{"messages": [*row["messages"], {"role": "user", "content": "And?"}]} for row in rows(30)]
    assert parts([*rows(270), *unanswered])["consistency"] == 0.9


def test_worse_data_never_scores_better() -> None:
    assert report(rows(300)).quality_score > report([*rows(290), *rows(10)]).quality_score
    assert report(rows(300)).quality_score > report(rows(100)).quality_score > report(rows(10)).quality_score
    assert report([*rows(300), {}]).quality_score < 1


@pytest.mark.parametrize(
    ("count", "codes"),
    [(9, ["too_few_to_train", "few_examples"]), (10, ["few_examples"]), (49, ["few_examples"]), (50, [])],
)
def test_a_small_set(count: int, codes: list[str]) -> None:
    found = issues(rows(count))
    assert list(found) == codes
    assert {code: found[code].severity for code in codes} == {
        code: {"too_few_to_train": "error", "few_examples": "warning"}[code] for code in codes
    }


def test_invalid_lines_and_duplicates_say_where() -> None:
    found = issues([*rows(60), {}, *rows(2)])
    assert (found["invalid_lines"].count, found["invalid_lines"].lines) == (1, [61])
    assert (found["exact_duplicates"].count, found["exact_duplicates"].lines) == (2, [62, 63])


def test_one_is_told_as_one_and_many_as_many() -> None:
    one, many = issues([*rows(60), {}, *rows(1)]), issues([*rows(60), {}, {}, *rows(2)])
    assert one["invalid_lines"].message == "1 line is not a valid example and is left out."
    assert many["invalid_lines"].message == "2 lines are not valid examples and are left out."
    assert one["exact_duplicates"].message.startswith("1 example repeats an earlier one")
    assert many["exact_duplicates"].message.startswith("2 examples repeat an earlier one")
    told = {part.name: part.why for part in report(rows(1)).quality.parts}
    assert told["validity"] == "1 of 1 line is a valid example"
    assert told["answers"] == "0 of 1 example have an empty or very short answer"


def test_very_short_answers_are_no_issue_where_they_are_the_rule() -> None:
    assert "very_short_answers" in issues([*rows(60), *rows(20, "Ok")])
    assert "very_short_answers" not in issues(rows(60, "Yes"))


def test_a_mixed_use_of_system_prompts_is_told_a_consistent_one_is_not() -> None:
    prompt = {"role": "system", "content": "Be kind."}
    with_prompt = [{"messages": [prompt, *row["messages"]]} for row in rows(50)]
    assert issues(with_prompt) == {}
    mixed = issues([*with_prompt, *rows(3)])["missing_system_prompts"]
    assert (mixed.severity, mixed.count, mixed.lines) == ("info", 3, [51, 52, 53])


def test_ignored_keys_are_named() -> None:
    found = issues([*rows(50), *rows(3, "Another {} answer.", id=1, topic="a")])["unknown_keys"]
    assert (found.severity, found.count, found.lines) == ("info", 3, [51, 52, 53])
    assert "id, topic" in found.message


def test_ignored_keys_that_may_be_a_part_of_the_prompt_are_a_warning() -> None:
    found = issues([*rows(50), *rows(3, "Another {} answer.", id=1, System="Be kind.")])["unknown_keys"]
    assert (found.severity, found.count) == ("warning", 3)
    assert "System, id" in found.message


def test_long_examples_say_how_long() -> None:
    examples = [*rows(60), *rows(1, "word " * 5000)]
    found = issues(examples)["long_examples"]
    assert (found.severity, found.lines) == ("warning", [61])
    assert f"the longest has {report(examples).tokens.per_example.max}" in found.message


def test_the_gravest_issue_comes_first() -> None:
    severities = [issue.severity for issue in report([*rows(4, id=1), {}]).quality_issues]
    assert severities == ["error", "warning", "warning", "info"]
