"""An exit status in words."""

import pytest

from webapp.jobs.process import in_words


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended with exit status 0"),
        (7, "ended with exit status 7"),
        (-15, "was ended by signal 15 (SIGTERM)"),
        (-9, "was ended by signal 9 (SIGKILL), often a sign of too little memory"),
        (-63, "was ended by signal 63"),
    ],
)
def test_in_words(status, words):
    assert in_words(status) == words
