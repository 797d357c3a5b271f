"""Numbers as people read them."""

import pytest

from webapp.pages.wording import number, percent, seconds, settings, size, words


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "–"), (0, "0"), (1234567, "1,234,567"), (3.0, "3"), (3.86268, "3.863"), (0.5, "0.5")]
)
def test_number(value, shown):
    assert number(value) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (2**30, "1 GiB"), (2**41, "2048 GiB")]
)
def test_size(count, shown):
    assert size(count) == shown


@pytest.mark.parametrize(
    ("time", "shown"), [(None, "–"), (0, "0 s"), (59.5, "59.5 s"), (150, "2.5 min"), (86400, "24 h")]
)
def test_seconds(time, shown):
    assert seconds(time) == shown


def test_percent_and_words():
    assert percent(0.856) == "86%"
    assert words("avg_message_length") == "avg message length"


def test_settings_are_part_of_a_sentence():
    assert settings({"method": "qlora"}) == "method qlora"
    assert settings({"a": 1, "b": 0.5, "c": False}) == "a 1, b 0.5 and c False"
