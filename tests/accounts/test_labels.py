"""Names: what can be seen of them, and not too much."""

import pytest

from webapp.accounts.labels import label


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Zoë 王 ", "Zoë 王"),
        ("a\x00b\u202ec\ud800\nd", "abcd"),
        ("x" * 300, "x" * 200),
    ],
)
def test_what_is_kept(given, kept):
    assert label(given) == kept
