"""Malformed lines: each is named by line number and code, and the lines around it still count."""

import io
import json
from typing import Any

import pytest

from webapp.datasets import FIXES, MAX_LINE_BYTES, analyze
from webapp.datasets.parsing import MAX_FAULTS, Parsed, parse

USER = {"role": "user", "content": "Hello"}
ANSWER = {"role": "assistant", "content": "Good day."}
GOOD = json.dumps({"messages": [USER, ANSWER]}).encode()


def line(*messages: Any, **more: Any) -> bytes:
    return json.dumps({"messages": list(messages), **more}).encode()


def user_with(**fields: Any) -> bytes:
    return line({**USER, **fields}, ANSWER)


def answer_with(**fields: Any) -> bytes:
    return line(USER, {**ANSWER, **fields})


def called(arguments: Any = "{}", **more: Any) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": arguments}, **more}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def nested(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


MALFORMED: dict[str, tuple[bytes, list[str]]] = {
    "bytes that are not UTF-8": (GOOD.replace(b"Hello", b"caf\xe9"), ["not_utf8"]),
    "UTF-8 cut inside a character": (GOOD.replace(b"Hello", b"\xf0\x9f\x98"), ["not_utf8"]),
    "bytes that are not UTF-8 in an ignored key": (GOOD[:-1] + b', "id": "\xe9"}', ["not_utf8"]),
    "cut off": (GOOD[:40], ["invalid_json"]),
    "two objects": (GOOD + GOOD, ["invalid_json"]),
    "a trailing comma": (GOOD[:-1] + b",}", ["invalid_json"]),
    "Python instead of JSON": (str(json.loads(GOOD)).encode(), ["invalid_json"]),
    "a control character in a text": (GOOD.replace(b"Hello", b"a\tb"), ["invalid_json"]),
    "a byte order mark inside the file": (b"\xef\xbb\xbf" + GOOD, ["invalid_json"]),
    "words": (b"hello", ["invalid_json"]),
    "a number of 5,000 digits": (GOOD[:-1] + b', "tools": [{"a": ' + b"9" * 5000 + b"}]}", ["invalid_json"]),
    "NaN": (GOOD[:-1] + b', "score": NaN}', ["non_finite_number"]),
    "-Infinity": (GOOD[:-1] + b', "score": -Infinity}', ["non_finite_number"]),
    "a number beyond all floats": (GOOD[:-1] + b', "tools": [{"a": 1e400}]}', ["non_finite_number"]),
    "lists without end": (GOOD[:-1] + b', "tools": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", ["too_deep"]),
    "an endless list in an ignored key": (GOOD[:-1] + b', "id": ' + b"[" * 5000 + b"]" * 5000 + b"}", ["too_deep"]),
    "a deep tool": (line(USER, ANSWER, tools=[{"function": {"name": "f", "a": nested(101)}}]), ["too_deep"]),
    "deep arguments": (line(USER, called(json.dumps(nested(101)))), ["too_deep"]),
    "half a character": (GOOD.replace(b"Hello", b"\\ud83d"), ["lone_surrogate"]),
    "half a character in a key": (user_with(**{"\ud83d": 1}), ["lone_surrogate"]),
    "half a character in a call": (answer_with(tool_calls=[{"\ud83d": 1}]), ["lone_surrogate"]),
    "a NUL byte": (GOOD.replace(b"Hello", b"a\x00b"), ["nul_character"]),
    "an escaped NUL": (user_with(content="a\0b"), ["nul_character"]),
    "longer than the cap": (user_with(content="x" * MAX_LINE_BYTES), ["line_too_long"]),
    "a list": (b"[1]", ["data_type"]),
    "a text": (b'"hello"', ["data_type"]),
    "null": (b"null", ["data_type"]),
    "an empty object": (b"{}", ["missing_messages_list"]),
    "another format": (b'{"prompt": "a", "completion": "b"}', ["missing_messages_list"]),
    "messages that are a text": (b'{"messages": "hello"}', ["missing_messages_list"]),
    "messages that are null": (b'{"messages": null}', ["missing_messages_list"]),
    "no messages": (line(), ["empty_messages"]),
    "no messages and an ignored key": (line(id=1), ["empty_messages"]),
    "a message that is a text": (line("hello", ANSWER), ["data_type"]),
    "no role": (line({"content": "Hello"}, ANSWER), ["message_missing_key"]),
    "no content": (line({"role": "user"}, ANSWER), ["message_missing_key"]),
    "an unknown role": (user_with(role="human"), ["unrecognized_role"]),
    "a role in capitals": (user_with(role="User"), ["unrecognized_role"]),
    "a role that is a number": (user_with(role=1), ["unrecognized_role"]),
    "a role that is a list": (user_with(role=["user"]), ["unrecognized_role"]),
    "null content": (user_with(content=None), ["missing_content"]),
    "empty content": (user_with(content=""), ["missing_content"]),
    "an empty answer": (answer_with(content=""), ["missing_content"]),
    "an empty answer with an empty list of calls": (answer_with(content="", tool_calls=[]), ["missing_content"]),
    "an empty system prompt": (line({"role": "system", "content": ""}, USER, ANSWER), ["missing_content"]),
    "content that is a number": (user_with(content=5), ["missing_content"]),
    "content parts without text": (user_with(content=[]), ["missing_content"]),
    "an image": (
        user_with(content=[{"type": "image_url", "image_url": {"url": "a"}}]),
        ["unsupported_content_part"],
    ),
    "an unknown key in a message": (user_with(contents="a"), ["message_unrecognized_key"]),
    "a name that is a number": (user_with(name=1), ["data_type"]),
    "a weight of 2": (answer_with(weight=2), ["invalid_weight"]),
    "a weight of one half": (answer_with(weight=0.5), ["invalid_weight"]),
    "a weight of true": (answer_with(weight=True), ["invalid_weight"]),
    "no answer": (line(USER), ["example_missing_assistant_message"]),
    "no answer and a bad message": (
        line({"role": "user"}),
        ["message_missing_key", "example_missing_assistant_message"],
    ),
    "only answers that are not trained": (answer_with(weight=0), ["no_trained_message"]),
    "calls that are an object": (answer_with(tool_calls={}), ["invalid_tool_calls"]),
    "a call without a function": (answer_with(tool_calls=[{"id": "c1"}]), ["invalid_tool_calls"]),
    "a function call that is a text": (answer_with(function_call="auto"), ["invalid_tool_calls"]),
    "arguments that are no JSON": (line(USER, called("{")), ["invalid_tool_arguments"]),
    "arguments that are a list": (line(USER, called("[1]")), ["invalid_tool_arguments"]),
    "a call by the user": (line({**called(), "role": "user"}, ANSWER), ["unexpected_tool_calls"]),
    "an answer to no call": (line(USER, {"role": "tool", "content": "5"}, ANSWER), ["unexpected_tool_message"]),
    "an answer to another call": (
        line(USER, called(), {"role": "tool", "content": "5", "tool_call_id": "c2"}, ANSWER),
        ["unknown_tool_call_id"],
    ),
    "tools that are an object": (line(USER, ANSWER, tools={}), ["invalid_tools"]),
    "a tool without a name": (line(USER, ANSWER, tools=[{"type": "function", "function": {}}]), ["invalid_tools"]),
    "functions without a name": (line(USER, ANSWER, functions=[{"description": "a"}]), ["invalid_tools"]),
    "a setting that is a text": (line(USER, ANSWER, parallel_tool_calls="yes"), ["data_type"]),
    "several faults at once": (
        line({"role": "human", "content": 5, "mood": "good"}, {**ANSWER, "weight": 7}),
        ["message_unrecognized_key", "unrecognized_role", "missing_content", "invalid_weight"],
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_line_is_named_by_number_and_code(name: str) -> None:
    malformed, codes = MALFORMED[name]
    report = analyze(io.BytesIO(GOOD + b"\n\n" + malformed + b"\n" + GOOD))
    assert [(item.line, item.code) for item in report.invalid_lines.items] == [(3, code) for code in codes]
    assert (report.total_examples, report.invalid_lines.count, report.format_valid) == (2, 1, False)


def test_every_code_has_a_test_and_every_message_says_how_to_mend_it() -> None:
    tested = {code for _, codes in MALFORMED.values() for code in codes}
    assert tested == set(FIXES)
    for malformed, _ in MALFORMED.values():
        found = parse(malformed) if len(malformed) < MAX_LINE_BYTES else []
        assert isinstance(found, list)
        assert all(item.message.endswith(FIXES[item.code]) and len(item.message) < 300 for item in found)


def test_a_message_says_where_and_what() -> None:
    found = parse(line(USER, {"role": "bot", "content": "Hi"}))
    assert isinstance(found, list)
    assert found[0].message == (
        'Message 2 has the role "bot". Use system, developer, user, assistant, tool or function.'
    )


def test_long_values_are_cut_in_messages() -> None:
    found = parse(user_with(role="x" * 10_000))
    assert isinstance(found, list)
    assert len(found[0].message) < 200


def test_a_line_of_endless_faults_gives_the_first() -> None:
    for malformed in (line(*[{"role": "user"}] * 1000), line(*["text"] * 1000)):
        assert isinstance(found := parse(malformed), list)
        assert len(found) == MAX_FAULTS


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
    "a huge whole number in a tool": line(USER, ANSWER, tools=[{"function": {"name": "f", "max": 2**70}}]),
    "white space around": b"  " + GOOD + b"\t ",
    "ignored keys": line(USER, ANSWER, id=7, meta={"a": [1.5, None]}),
}


@pytest.mark.parametrize("name", WELL_FORMED)
def test_a_well_formed_line_is_an_example(name: str) -> None:
    assert isinstance(parse(WELL_FORMED[name]), Parsed)


def test_ignored_keys_and_older_names_are_noticed() -> None:
    ignored = parse(WELL_FORMED["ignored keys"])
    assert isinstance(ignored, Parsed)
    assert (ignored.unknown_keys, ignored.older_names) == (("id", "meta"), False)
    older = parse(WELL_FORMED["an earlier API's function call"])
    assert isinstance(older, Parsed)
    assert (older.unknown_keys, older.older_names) == ((), True)


def test_what_only_the_decoder_objects_to_is_still_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.datasets.parsing.explain", lambda _: iter(()))
    assert isinstance(found := parse(b'{"messages": 1}'), list)
    assert found[0].code == "data_type"
    assert found[0].message.startswith("Expected `array`, got `int` - at `$.messages`")
