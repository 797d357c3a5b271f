"""Redaction: no hit is left, the same thing has the same placeholder, and JSON stays JSON."""

import json
from random import Random

import pytest
from hypothesis import given, settings

from tests.datasets.lines import called
from tests.datasets.planting import planted
from tests.datasets.repair.conversations import rows, said, texts, valid
from webapp.datasets.parsing import parse
from webapp.datasets.pieces import pieces_of
from webapp.datasets.privacy import spans
from webapp.datasets.privacy_kinds import KIND_OF, KINDS
from webapp.datasets.repair.redaction import Redactor
from webapp.datasets.repair.rows import close_row
from webapp.datasets.shapes import order_of

KEY = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEA1234abcd\n" * 3 + "-----END RSA PRIVATE KEY-----"


@pytest.fixture(scope="module")
def fresh():
    return Redactor


def hits(text):
    return [(kind.name, text[start:end]) for kind in KINDS for start, end in spans(kind, text)]


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Write to anna@lind.se or ben@lind.se.", "Write to [EMAIL_1] or [EMAIL_2]."),
        ("anna@lind.se, Anna@Lind.se", "[EMAIL_1], [EMAIL_1]"),
        ("card 4111 1111 1111 1111!", "card [CARD_1]!"),
        ("password='hunter22x'", "password='[PASSWORD_1]'"),
        ('secret: "anna@lind.se"', 'secret: "[PASSWORD_1]"'),  # the address is gone, and the value is one still
        (f"key:\n{KEY}\nend", "key:\n[PRIVATE_KEY_1]\nend"),
        (KEY.rpartition("-----END")[0] + "\nend of it", "[PRIVATE_KEY_1]\n\nend of it"),
        (KEY.replace("\n", "\\n"), "[PRIVATE_KEY_1]"),
        ("Nobody is at ann@example.com.", "Nobody is at ann@example.com."),
    ],
)
def test_a_text_is_redacted(fresh, text, redacted):
    assert fresh().text(text) == redacted


@pytest.mark.parametrize("kind", KIND_OF)
def test_every_kind_has_its_placeholder(fresh, kind):
    redactor = fresh()
    for item in planted(kind, 20):
        redacted = redactor.text(f"It is {item} indeed")
        assert f"[{kind.upper()}_" in redacted
        assert hits(redacted) == []


def test_numbers_go_by_first_appearance_across_rows(fresh):
    redactor = fresh()
    first, second = (redactor.redact(said(text, "ok")) for text in ("b@lind.se", "a@lind.se and b@lind.se"))
    assert first["messages"][0]["content"] == "[EMAIL_1]"
    assert second["messages"][0]["content"] == "[EMAIL_2] and [EMAIL_1]"


def test_arguments_and_tools_stay_json_and_valid(fresh):
    arguments = {"password": "hunter2-hunter2", "to": ["anna@lind.se"], "card": 4111111111111111, "n": 3, "on": True}
    tools = [{"type": "function", "function": {"name": "mail", "description": "Ask anna@lind.se", "strict": False}}]
    row = {"messages": [{"role": "user", "content": "x"}, called(json.dumps(arguments))], "tools": tools}
    redacted = fresh().redact(row)
    (call,) = redacted["messages"][1]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {
        "password": "[PASSWORD_1]",
        "to": ["[EMAIL_1]"],
        "card": "[CARD_1]",
        "n": 3,
        "on": True,
    }
    assert redacted["tools"][0]["function"]["description"] == "Ask [EMAIL_1]"
    assert redacted["tools"][0]["function"]["strict"] is False
    assert valid(redacted)


def test_a_row_without_a_hit_is_given_back_as_it_is(fresh):
    row = said("Hello", "Good day.")
    assert fresh().redact(row) is row


@settings(deadline=None)
@given(text=texts)
def test_no_hit_is_left_in_a_text_and_twice_is_once(fresh, text):
    redactor = fresh()
    redacted = redactor.text(text)
    assert hits(redacted) == []
    assert redactor.text(redacted) == redacted


@settings(deadline=None)
@given(row=rows)
def test_no_hit_is_left_in_what_a_model_reads_of_a_row(fresh, row):
    redacted = fresh().redact(row)
    assert not valid(row) or valid(redacted)
    if parsed := parse(close_row(redacted)):
        pieces = pieces_of(parsed.conversation, order_of(parsed.conversation))
        assert [hit for _, text in pieces for hit in hits(text)] == []


def test_many_texts_with_everything_in_them(fresh):
    draw, redactor = Random(5), fresh()
    items = [item for kind in KIND_OF for item in planted(kind, 5)]
    for _ in range(100):
        text = "".join(draw.choice([*items, " ", "\n", "-", ":", "and "]) for _ in range(12))
        assert hits(redactor.text(text)) == []
