"""The charts of a report."""

import pytest

from webapp.catalog import find_model
from webapp.datasets import analyze, sample_path
from webapp.pages.dataset_charts import share_charts, token_chart


@pytest.fixture(scope="module")
def report():
    return analyze(sample_path())


def test_every_conversation_is_in_a_bar(report):
    drawn = token_chart(report)
    assert sum(item.bar.count for item in drawn.bars) == report.total_examples
    assert [item.mark.name for item in drawn.marks] == ["p50", "p95", "p99"]


def test_the_contexts_of_the_first_candidates_are_marked_once_each(report):
    models = [find_model(name) for name in ("smollm2-360m", "smollm2-1.7b", "qwen3-0.6b", "llama-3.2-1b")]
    limits = [mark for mark in token_chart(report, models).off if mark.limit]
    assert {mark.value for mark in limits} == {model.context_length for model in models}
    assert limits[0].name == "context of SmolLM2 360M Instruct"


def test_roles_and_languages_are_compared_where_there_are_several(report):
    roles, languages = share_charts(report)
    assert {item.bar.name: item.bar.count for item in roles.bars} == report.distribution.roles
    assert languages.bars[0].bar.name == next(iter(report.languages.shares))
