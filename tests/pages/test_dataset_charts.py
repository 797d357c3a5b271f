"""The charts of a report."""

import msgspec
import pytest

from webapp.datasets import SizeRange, analyze, sample_path
from webapp.datasets.token_report import PerExample
from webapp.pages.dataset_charts import cluster_charts, share_charts, token_chart
from webapp.workflow import Clusters

FAR = PerExample(1, 2, 3, 10**7)


@pytest.fixture(scope="module")
def report():
    return analyze(sample_path())


def test_every_conversation_is_in_a_bar(report):
    drawn = token_chart(report)
    assert sum(item.bar.count for item in drawn.bars) == report.total_examples
    assert [item.mark.name for item in drawn.marks] == ["p50", "p95", "p99"]


def test_the_contexts_nearest_to_the_data_are_marked(report):
    limits = [mark.value for mark in token_chart(report).off]
    assert limits == [2048, 4096, 8192]
    tokens = msgspec.structs.replace(report.tokens, per_example=PerExample(1, 2, 3, 40_000))
    drawn = token_chart(msgspec.structs.replace(report, tokens=tokens))
    assert [mark.value for mark in drawn.off] == [32768, 40960, 65536]
    drawn = token_chart(msgspec.structs.replace(report, tokens=msgspec.structs.replace(tokens, per_example=FAR)))
    assert len(drawn.off) == 3


def test_roles_and_languages_are_compared_where_there_are_several(report):
    roles, turns, languages = share_charts(report)
    assert sum(item.bar.count for item in turns.bars) == report.total_examples
    assert {item.bar.name: item.bar.count for item in roles.bars} == report.distribution.roles
    assert languages.bars[0].bar.name == next(iter(report.languages.shares))


def test_groups_of_rows_are_drawn_by_size_where_there_are_any():
    (drawn,) = cluster_charts(Clusters([], [SizeRange(2, 3, 7), SizeRange(3, 4, 0), SizeRange(4, 8, 1)]))
    assert drawn.title == "Near-duplicate clusters by size"
    assert [(item.bar.name, item.bar.count) for item in drawn.bars] == [("2 rows", 7), ("3 rows", 0), ("4–7 rows", 1)]


def test_sizes_that_do_not_fit_below_their_bars_are_named_by_where_they_begin():
    sizes = [SizeRange(start, end, 1) for start, end in ((2, 3), (3, 4), (4, 8), (8, 16), (16, 32), (32, 64))]
    (drawn,) = cluster_charts(Clusters(sizes, []))
    assert [bar.label for bar in drawn.bars] == ["2", "3", "4", "8", "16", "32"]
    assert drawn.bars[-1].bar.name == "32–63 rows"
