"""Well-formed lines, in all the ways people write them."""

import json

import pytest

from tests.datasets.lines import ANSWER, GOOD, USER, answer_with, called, line, nested, user_with
from webapp.datasets.parsing import explain, parse

WELL_FORMED = {
    "a system prompt": line({"role": "system", "content": "Be terse."}, USER, ANSWER),
    "a developer's prompt": line({"role": "developer", "content": "Be terse."}, USER, ANSWER),
    "weights": line(USER, {**ANSWER, "weight": 0}, USER, {**ANSWER, "weight": 1}),
    "a name": user_with(name="Ann"),
    "nulls for what is absent": answer_with(name=None, weight=None, tool_calls=None, function_call=None),
    "content parts": user_with(content=[{"type": "text", "text": "Hello"}]),
    "a question at the end": line(USER, ANSWER, USER),
    "a call without content": line(USER, {"role": "assistant", "tool_calls": called()["tool_calls"]}),
    "an empty result of a call": line(USER, called(), {"role": "tool", "tool_call_id": "c1", "content": ""}, ANSWER),
    "arguments as an object": line(USER, called({"a": [1, 2]})),
    "arguments as deep as allowed": line(USER, called(json.dumps(nested(100)))),
    "an earlier API's function call": line(
        USER,
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "5"},
        ANSWER,
        functions=[{"name": "f"}],
    ),
    "tools": line(USER, ANSWER, tools=[{"type": "function", "function": {"name": "f"}}], parallel_tool_calls=False),
    "a backslash before u0000": user_with(content="\\u0000"),
    "a whole emoji as two escapes": user_with(content="\U0001f600"),
    "the largest whole number in a tool": line(USER, ANSWER, tools=[{"function": {"name": "f", "max": 2**64 - 1}}]),
    "the smallest whole number in an ignored key": line(USER, ANSWER, id=-(2**63)),
    "a small fraction of many digits": line(USER, ANSWER, id=0.1234567890123456789),
    "many digits in a text": user_with(content="1" * 100),
    "white space before colons": json.dumps({"messages": [USER, ANSWER]}, separators=(",", "\t : ")).encode(),
    "quoted JSON": user_with(content='{"a": 1, "a": 2}'),
    "quoted JSON in other spelling": GOOD.replace(b"Hello", rb"{\u0022a\u0022: 1}"),
    "the same name in different objects": line(USER, ANSWER, a={"a": {"a": 1}}),
    "white space around": b"  " + GOOD + b"\t ",
    "ignored keys": line(USER, ANSWER, id=7, meta={"a": [1.5, None]}),
}


@pytest.mark.parametrize("name", WELL_FORMED)
def test_a_well_formed_line_is_an_example(name: str) -> None:
    assert parse(WELL_FORMED[name])
    assert explain(WELL_FORMED[name]) == []


def test_ignored_keys_and_older_names_are_noticed() -> None:
    ignored = parse(WELL_FORMED["ignored keys"])
    assert ignored
    assert (ignored.unknown_keys, ignored.older_names) == (("id", "meta"), False)
    older = parse(WELL_FORMED["an earlier API's function call"])
    assert older
    assert (older.unknown_keys, older.older_names) == ((), True)
