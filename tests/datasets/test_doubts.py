"""Lines that are decoded without complaint and may hold a fault all the same."""

import json

import pytest

from webapp.datasets.doubts import doubtful

MESSAGES = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day."}]
PLAIN = json.dumps({"messages": MESSAGES}).encode()


@pytest.mark.parametrize(
    "line",
    [
        PLAIN,
        json.dumps({"messages": MESSAGES}, separators=(",", ":")).encode(),
        PLAIN.replace(b"Hello", rb"{\"a\": 1, \"a\": 2}"),
        PLAIN[:-1] + b', "id": 7, "tools": [{"function": {"name": "f"}}]}',
        PLAIN.replace(b'"content"', b'"name": null, "content"'),
    ],
)
def test_an_ordinary_line_is_not_doubted(line: bytes) -> None:
    assert not doubtful(line, 5)


@pytest.mark.parametrize(
    "line",
    [
        PLAIN.replace(b"Hello", rb"\u0000"),
        PLAIN.replace(b'"role"', b'"role": "user", "role"', 1),
        PLAIN.replace(b'"role"', rb'"role": "user", "r\u006fle"', 1),
        PLAIN[:-1] + b', "id": 1, "id" : 2}',
        PLAIN[:-1] + rb', "a": "\u0022:", "a": 2}',
        PLAIN[:-1] + b', "id": 123456789012345678901234567890}',
    ],
)
def test_a_line_with_something_hidden_is(line: bytes) -> None:
    assert doubtful(line, 5)
