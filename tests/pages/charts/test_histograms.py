"""Histograms: bars in proportion, marks where their values are."""

from itertools import pairwise

import pytest

from webapp.pages.charts import Bar, Mark, histogram
from webapp.pages.charts.axes import BOTTOM, LEFT, RIGHT

BARS = [Bar("0–31", 5, 0, 32), Bar("32–63", 10, 32, 64), Bar("64–127", 0, 64, 128)]


def test_bars_are_as_high_as_what_they_count():
    low, high, none = histogram("Tokens", "conversations", BARS).bars
    assert (high.height, none.height) == (2 * low.height, 0)
    assert all(round(bar.y + bar.height, 1) == BOTTOM for bar in (low, high, none))


def test_bars_lie_side_by_side():
    first, second, third = histogram("Tokens", "conversations", BARS).bars
    assert first.x + first.width < second.x < second.x + second.width < third.x


def test_a_mark_stands_in_the_bar_that_holds_it():
    drawn = histogram("Tokens", "conversations", BARS, [Mark("p50", 48)])
    [mark] = drawn.marks
    bar = drawn.bars[1]
    assert abs(mark.x - (bar.x + bar.width / 2)) < 1


def test_marks_that_are_beyond_every_bar_are_told_apart():
    drawn = histogram("Tokens", "conversations", BARS, [Mark("context", 4096, limit=True), Mark("p50", 40)])
    assert [item.mark.name for item in drawn.marks] == ["p50"]
    assert [mark.name for mark in drawn.off] == ["context"]


def test_names_of_marks_do_not_lie_on_each_other():
    drawn = histogram("Tokens", "conversations", BARS, [Mark("p50", 40), Mark("p95", 41), Mark("p99", 42)])
    heights = [mark.y for mark in drawn.marks]
    assert len({round(height) for height in heights}) == 3
    assert all(mark.y < bar.y for mark in drawn.marks for bar in drawn.bars)


@pytest.mark.parametrize(
    "values",
    [(40, 41, 42), (48, 90, 120), (109, 171, 209), (5, 20, 40), (2, 60, 100, 126), (60, 64, 68, 120), (126, 127, 127)],
)
def test_no_line_crosses_the_name_of_a_mark_and_none_leaves_the_drawing(values):
    wide = [*BARS, Bar("128–255", 3, 128, 256)]
    drawn = histogram("Tokens", "conversations", wide, [Mark(f"p{value}", value) for value in values]).marks
    assert len(drawn) == len(values)
    for named in drawn:
        reach = 7.2 * len(named.mark.said) * (-1 if named.before else 1)
        left, right = sorted((named.text_x, named.text_x + reach))
        assert LEFT <= left < right <= RIGHT
        assert not [line.mark for line in drawn if left <= line.x <= right and line.top < named.y]


def test_it_says_in_words_what_it_shows():
    assert histogram("Tokens", "conversations", BARS).summary == "15 conversations, most of them (10) in 32–63."


def test_a_name_that_is_too_long_for_its_bar_is_cut_in_the_drawing_only():
    drawn = histogram("Roles", "messages", [Bar("a-role-with-a-long-name", 1), *[Bar("user", 2)] * 7]).bars
    assert (drawn[0].label[:5], drawn[0].label[-1], drawn[0].bar.name) == ("a-rol", "…", "a-role-with-a-long-name")
    assert drawn[1].label == "user"


def test_ranges_whose_names_do_not_fit_are_named_by_their_beginnings():
    ranges = [Bar(f"{start}–{start + 999}", 1, start, start + 1000) for start in range(10_000, 18_000, 1000)]
    assert [bar.label for bar in histogram("Tokens", "rows", ranges).bars][:2] == ["10,000", "11,000"]


def test_labels_keep_apart_and_no_number_is_cut():
    for count in range(1, 17):
        starts = [10**6 + 10 * number for number in range(count)]
        bars = histogram("Tokens", "rows", [Bar(f"{start} and on", 1, start, start + 10) for start in starts]).bars
        labelled = [bar for bar in bars if bar.label]
        assert labelled[0] is bars[0]
        assert all(bar.label.removesuffix(" and on").replace(",", "").isdecimal() for bar in labelled)
        for bar, other in pairwise(labelled):
            apart = other.x + other.width / 2 - bar.x - bar.width / 2
            assert apart > 7.2 * (len(bar.label) + len(other.label)) / 2
