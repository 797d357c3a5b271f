"""Counts as part of a sentence."""

import pytest

from webapp.plurals import counted


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((0, "line"), "0 lines"),
        ((1, "line"), "1 line"),
        ((2000, "line"), "2,000 lines"),
        ((1.0, "trained token"), "1 trained token"),
        ((1, "line is", "lines are"), "1 line is"),
        ((3, "line is", "lines are"), "3 lines are"),
    ],
)
def test_what_is_counted_has_its_number(given, said):
    assert counted(*given) == said
