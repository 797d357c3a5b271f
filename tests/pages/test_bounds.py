"""Texts of any size in pages of a bounded one."""

import pytest

from webapp.pages.bounds import bounded, shared, weight


@pytest.mark.parametrize("text", ["<" * 5000, "\U0001f600" * 5000, "مرحبا " * 2000, "w" * 10_000], ids=list("<☺ع1"))
@pytest.mark.parametrize("most", [1, 300, 4000])
def test_a_text_takes_no_more_bytes_than_it_may(text, most):
    shown = bounded(text, most)
    assert shown.cost <= max(most, 5)
    assert len(shown.head.unescape() + shown.folded.unescape()) + shown.left_out == len(text)


def test_a_short_text_is_whole():
    shown = bounded("Good <day>", 100)
    assert (shown.head, shown.folded, shown.left_out) == ("Good &lt;day&gt;", "", 0)


def test_a_long_text_is_folded():
    shown = bounded("word " * 1000, 10_000)
    assert (len(shown.head), len(shown.folded), shown.left_out) == (600, 4400, 0)


def test_a_text_begins_shortly_before_the_words_that_are_sought():
    shown = bounded("a" * 50_000 + "Needle" + "b" * 50_000, 500, "needle")
    assert "<mark>Needle</mark>" in shown.head
    assert shown.skipped == 49_880


def test_highlights_count():
    assert bounded("aaaa" * 1000, 1000, "a").cost <= 1000


def test_what_some_do_not_use_the_others_share():
    made = list(shared([5, 1000, 1000, 5], 100, min, lambda used: used, 10))
    assert made == [5, 31, 32, 5]


def test_what_nothing_is_left_for_is_not_made():
    assert list(shared(range(100), 50, lambda _, share: share, lambda used: used, 10)) == [10] * 5


def test_weight_is_that_of_utf8():
    assert weight("ä\U0001f600") == 6
