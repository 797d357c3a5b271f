"""The recommendation over every task, target and machine, and six kinds of data."""

import itertools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pytest

from webapp.catalog import TARGETS, TASKS, Case, Profile, gpus, models
from webapp.catalog.ranking import Ranking, places, rank
from webapp.resources import resource

PROFILES: dict[str, dict[str, Any]] = {
    "the sample": {"total_examples": 240, "p99": 400, "tool_call_share": 0.01, "non_ascii_share": 0.005},
    "sixty rows": {"total_examples": 60, "p99": 150},
    "many rows": {"total_examples": 20_000, "p99": 900},
    "long rows": {"total_examples": 2000, "p99": 9000},
    "Chinese": {"total_examples": 1500, "non_ascii_share": 0.7},
    "tools and JSON": {"total_examples": 3000, "tool_call_share": 0.6, "json_answer_share": 0.7},
}
LANGUAGES = {"Chinese": {"zh": 0.95, "en": 0.05}}


class Cell(NamedTuple):
    name: str
    case: Case
    ranking: Ranking


def cells(analysis: Any, gated: Any = "last") -> Iterator[Cell]:
    for name, numbers in PROFILES.items():
        data = analysis(**numbers)
        if name in LANGUAGES:
            data = msgspec.structs.replace(
                data, languages=msgspec.structs.replace(data.languages, shares=LANGUAGES[name])
            )
        profile = Profile.of(data)
        for task, target, gpu in itertools.product(TASKS.values(), TARGETS.values(), gpus()):
            case = Case(profile, task, target, gpu, gated=gated)
            yield Cell(f"{name}, {task.name}, {target.name}, {gpu.id}", case, rank(case))


@pytest.fixture(scope="module")
def grid(analysis: Any) -> list[Cell]:
    return list(cells(analysis))


def test_the_grid_has_over_a_thousand_inputs_and_almost_all_have_an_answer(grid: list[Cell]) -> None:
    assert len(grid) >= 1000
    assert sum(not cell.ranking.candidates for cell in grid) / len(grid) < 0.03


def test_every_model_is_ranked_or_excluded_with_a_reason(grid: list[Cell]) -> None:
    everything = sorted(model.id for model in models())
    for cell in grid:
        ranked = [item.model.id for item in cell.ranking.candidates]
        assert sorted(ranked + [item.model_id for item in cell.ranking.excluded]) == everything, cell.name
        assert all(item.code and item.reason.endswith(".") for item in cell.ranking.excluded)


def test_scores_fall_and_gated_and_unchecked_models_come_last(grid: list[Cell]) -> None:
    for cell in grid:
        order = [(item.model.gated, item.model.checked == "no", -item.score) for item in cell.ranking.candidates]
        assert order == sorted(order), cell.name
        assert all(0 <= item.score <= 1 for item in cell.ranking.candidates)


def test_no_gated_model_is_first_unless_it_is_asked_for(grid: list[Cell], analysis: Any) -> None:
    assert not any(cell.ranking.first.gated for cell in grid if cell.ranking.first)
    asked = [cell.ranking.first for cell in cells(analysis, "equal")]
    assert any(model and model.gated for model in asked)


def test_ties_for_the_first_place_are_rare(grid: list[Cell]) -> None:
    ties = [cell.name for cell in grid if places(cell.ranking, cell.case)[1:2] == [1]]
    assert len(ties) / len(grid) < 0.03, ties


def test_what_is_ranked_fits(grid: list[Cell]) -> None:
    for cell in grid:
        for item in cell.ranking.candidates:
            assert item.memory.fits
            assert item.memory.max_seq_length <= item.model.context_length


def test_a_large_card_and_a_roomy_target_get_a_large_model_and_a_browser_a_small_one(grid: list[Cell]) -> None:
    for cell in grid:
        first = cell.ranking.first
        if first is None:
            continue
        if cell.case.target.name == "browser":
            assert first.parameters < 3.5e9, cell.name
        if cell.case.target.name == "cloud" and cell.case.gpu.id == "h100" and cell.case.task.half_ability > 2e9:
            assert first.parameters > 3e9, cell.name


def test_every_model_is_first_somewhere_or_listed_with_the_reason_why_never(grid: list[Cell], analysis: Any) -> None:
    winners = {cell.ranking.first.id for cell in grid if cell.ranking.first}
    page = (resource("docs") / "recommendation.md").read_text(encoding="utf-8")
    section = page.split("## Models that are never first")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
    assert {model.id for model in models()} - winners == listed
