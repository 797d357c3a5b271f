"""Exact duplicates by digest, near ones by what is said, and the report on both."""

import io
import json
import random

import pytest

from webapp.datasets import Analysis, analyze
from webapp.datasets.duplicates import DuplicateSearch
from webapp.datasets.hashing import line_digests, line_ends
from webapp.datasets.jaccard import TokenStore
from webapp.datasets.near_duplicates import sign
from webapp.datasets.tokens import TokenBatch
from webapp.errors import Problem

DRAW = random.Random(1)
WORDS = ["".join(DRAW.choices("abcdefghijklmnopqrstuvwxyz", k=DRAW.randint(3, 9))) for _ in range(5000)]


def answer(seed: int, words: int = 60) -> list[str]:
    return random.Random(seed).choices(WORDS, k=words)


def row(words: list[str], system: str | None = None) -> bytes:
    turns = [{"role": "user", "content": " ".join(words[:10])}, {"role": "assistant", "content": " ".join(words[10:])}]
    prompt = [{"role": "system", "content": system}] if system else []
    return json.dumps({"messages": [*prompt, *turns]}).encode()


def report(*rows: bytes, **options: float) -> Analysis:
    return analyze(io.BytesIO(b"\n".join(rows)), **options)


def repeated(*lines: str) -> list[int]:
    with TokenStore() as store:
        search = DuplicateSearch(store)
        for some in (lines[:7], lines[7:]):
            text = "".join(f"{line}\n" for line in some).encode()
            search.add(line_digests(text, line_ends(text)), sign(TokenBatch.of([[]] * len(some))))
        return [int(index) for index in search.find().exact.droppable]


def test_what_repeats_an_earlier_line_is_found_wherever_it_is() -> None:
    assert repeated("a", "b", "a", "c", "b", "a") == [2, 4, 5]


def test_different_lines_are_not_duplicates() -> None:
    assert repeated(*(str(number) for number in range(10_000))) == []


def test_one_line_and_none() -> None:
    assert repeated("a") == repeated() == []


def test_the_first_of_many_equal_lines_stays() -> None:
    assert repeated(*["a"] * 1000) == list(range(1, 1000))


def test_exact_and_near_duplicates_are_told_apart() -> None:
    one, two = answer(1), answer(2)
    edited = [*one[:30], "changed", *one[31:]]
    found = report(row(one), row(two), row(one), row(edited), row(two), row(answer(3)), row(two), b"{}")
    assert (found.duplicates.count, found.duplicates.exact, found.duplicates.near) == (4, 3, 1)
    assert found.duplicates.examples == [2, 3, 4, 6]
    groups = [(group.kind, group.size, group.lines) for group in found.duplicates.groups]
    assert groups == [("exact", 3, [2, 5, 7]), ("exact", 2, [1, 3]), ("near", 2, [1, 4])]
    assert [group.similarity == 1.0 for group in found.duplicates.groups] == [True, True, False]
    assert 0.8 < found.duplicates.groups[2].similarity < 1


def test_the_issue_names_the_lines_and_the_score_counts_half() -> None:
    words = answer(1)
    found = report(*(row(answer(number)) for number in range(2, 21)), row(words), row([*words, "more"]), row(words))
    issues = {issue.code: issue for issue in found.quality_issues}
    assert (issues["near_duplicates"].count, issues["near_duplicates"].lines) == (1, [21])
    assert issues["near_duplicates"].severity == "info"
    assert (issues["exact_duplicates"].count, issues["exact_duplicates"].lines) == (1, [22])
    assert found.quality.parts[1].score == round(1 - 1.5 / 22, 4)


def test_one_in_twenty_is_a_warning() -> None:
    words = answer(1)
    found = report(*(row(answer(number)) for number in range(2, 20)), row(words), row([*words, "more"]))
    assert next(issue for issue in found.quality_issues if issue.code == "near_duplicates").severity == "warning"


def test_a_long_system_prompt_in_all_rows_makes_no_duplicates() -> None:
    prompt = " ".join(answer(0, 500))
    assert report(*(row(answer(number), prompt) for number in range(1, 50))).duplicates.count == 0


def test_the_same_conversation_under_another_system_prompt_is_near() -> None:
    found = report(row(answer(1), "Be kind."), row(answer(1), "Be brief.")).duplicates
    assert (found.exact, found.near, found.groups[0].similarity) == (0, 1, 1.0)


def test_the_threshold_moves_the_border() -> None:
    words = answer(1, 100)
    pair = row(words), row([*words[:10], *answer(2, 20), *words[30:]])
    similarity = report(*pair).duplicates.groups[0].similarity
    assert 0.5 < similarity < 0.8
    assert report(*pair, near_threshold=similarity - 0.01).duplicates.near == 1
    assert report(*pair, near_threshold=similarity + 0.01).duplicates.near == 0


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01, float("nan")])
def test_a_threshold_that_is_no_similarity_is_refused(threshold: float) -> None:
    with pytest.raises(Problem) as caught:
        report(row(answer(1)), near_threshold=threshold)
    assert (caught.value.code, caught.value.exit_code) == ("invalid_near_threshold", 2)


def test_a_template_filled_with_short_words_makes_no_duplicates() -> None:
    places = [("France", "Paris"), ("Spain", "Madrid"), ("Peru", "Lima"), ("Chad", "N'Djamena"), ("Norway", "Oslo")]
    rows = [row([*f"What is the capital of the country of {land} ?".split(), *town.split()]) for land, town in places]
    assert report(*rows).duplicates.count == 0


def test_a_report_shows_50_groups_of_20_lines() -> None:
    rows = [row(answer(number)) for number in range(60)]
    found = report(*rows * 2, *[rows[-1]] * 40).duplicates
    assert (found.count, found.exact, found.near) == (100, 100, 0)
    assert len(found.groups) == 50
    assert (found.groups[0].size, len(found.groups[0].lines), found.groups[0].lines[0]) == (42, 20, 60)
    assert {group.size for group in found.groups[1:]} == {2}
