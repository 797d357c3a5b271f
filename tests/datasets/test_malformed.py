"""Malformed lines: each fault is named by line, column, path and code, and the lines around it still count."""

import io
import json

import pytest

from tests.datasets.lines import ANSWER, GOOD, USER, answer_with, called, line, nested, user_with
from webapp.datasets import FIXES, MAX_LINE_BYTES, analyze
from webapp.datasets.parsing import MAX_FAULTS, OPENAI_FORM, explain

# A name, the line, and its faults: code, column and path.
MALFORMED: dict[str, tuple[bytes, list[tuple[str, int | None, str | None]]]] = {
    "bytes that are not UTF-8": (GOOD.replace(b"Hello", b"caf\xe9"), [("not_utf8", 47, None)]),
    "UTF-8 cut inside a character": (GOOD.replace(b"Hello", b"\xf0\x9f\x98"), [("not_utf8", 44, None)]),
    "bytes that are not UTF-8 in an ignored key": (GOOD[:-1] + b', "id": "\xe9"}', [("not_utf8", 108, None)]),
    "cut off": (GOOD[:40], [("invalid_json", 41, None)]),
    "two objects": (GOOD + GOOD, [("trailing_data", 100, None)]),
    "two objects with a space between": (GOOD + b" " + GOOD, [("trailing_data", 101, None)]),
    "a comma after the object": (GOOD + b",", [("trailing_data", 100, None)]),
    "words after the object": (GOOD + b" // good", [("trailing_data", 101, None)]),
    "a closing bracket too many": (GOOD + b"}", [("trailing_data", 100, None)]),
    "a trailing comma": (GOOD[:-1] + b",}", [("invalid_json", 100, None)]),
    "a missing comma": (GOOD.replace(b", ", b" ", 1), [("invalid_json", 31, None)]),
    "a missing colon": (GOOD.replace(b":", b"", 1), [("invalid_json", 13, None)]),
    "a name without quotes": (b"{messages: []}", [("invalid_json", 2, None)]),
    "an unclosed text": (b'{"messages": "hello', [("invalid_json", 14, None)]),
    "an unclosed list": (GOOD[:-2], [("invalid_json", 98, None)]),
    "an escape that does not exist": (GOOD.replace(b"Hello", b"\\x41"), [("invalid_json", 44, None)]),
    "a cut escape": (GOOD.replace(b"Hello", b"\\u00"), [("invalid_json", 45, None)]),
    "a number with a leading zero": (b'{"id": 007}', [("invalid_json", 9, None)]),
    "a bad line after characters beyond ASCII": (
        '{"messages": ["\U0001f600\u00e9", }'.encode(),
        [("invalid_json", 21, None)],
    ),
    "Python instead of JSON": (str(json.loads(GOOD)).encode(), [("invalid_json", 2, None)]),
    "a control character in a text": (GOOD.replace(b"Hello", b"a\tb"), [("invalid_json", 45, None)]),
    "a byte order mark inside the file": (b"\xef\xbb\xbf" + GOOD, [("byte_order_mark", 1, None)]),
    "a byte order mark after white space": (b" \xef\xbb\xbf" + GOOD, [("invalid_json", 2, None)]),
    "a line of UTF-16": (GOOD.decode().encode("utf-16-le"), [("nul_character", 2, None)]),
    "a line of UTF-16 with its mark": (b"\xff\xfe" + GOOD.decode().encode("utf-16-le"), [("not_utf8", 1, None)]),
    "words": (b"hello", [("invalid_json", 1, None)]),
    "a number of 5,000 digits": (
        GOOD[:-1] + b', "tools": [{"a": ' + b"9" * 5000 + b"}]}",
        [("number_out_of_range", 117, "$.tools[0].a"), ("invalid_tools", 111, "$.tools[0]")],
    ),
    "a whole number beyond 64 bits in a tool": (
        line(USER, ANSWER, tools=[{"function": {"name": "f", "max": 2**64}}]),
        [("number_out_of_range", 145, "$.tools[0].function.max")],
    ),
    "a whole number below 64 bits in an ignored key": (
        line(USER, ANSWER, id=-(2**63) - 1),
        [("number_out_of_range", 107, "$.id")],
    ),
    "a whole number beyond 64 bits in arguments": (
        line(USER, called({"id": 10**30})),
        [("number_out_of_range", 192, "$.messages[1].tool_calls[0].function.arguments.id")],
    ),
    "NaN": (GOOD[:-1] + b', "score": NaN}', [("non_finite_number", 110, "$.score")]),
    "NaN twice": (
        GOOD[:-1] + b', "scores": [NaN, 1, NaN]}',
        [("non_finite_number", 112, "$.scores[0]"), ("non_finite_number", 120, "$.scores[2]")],
    ),
    "Infinity as a weight": (
        GOOD[:-2] + b', {"role": "assistant", "content": "a", "weight": Infinity}]}',
        [("non_finite_number", 148, "$.messages[2].weight"), ("invalid_weight", 148, "$.messages[2].weight")],
    ),
    "-Infinity": (GOOD[:-1] + b', "score": -Infinity}', [("non_finite_number", 110, "$.score")]),
    "a number beyond all floats": (
        GOOD[:-1] + b', "tools": [{"a": 1e400}]}',
        [("non_finite_number", 117, "$.tools[0].a"), ("invalid_tools", 111, "$.tools[0]")],
    ),
    "lists without end": (
        GOOD[:-1] + b', "tools": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        [("too_deep", 110, "$.tools")],
    ),
    "an endless list in an ignored key": (
        GOOD[:-1] + b', "id": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        [("too_deep", 107, "$.id")],
    ),
    "a deep tool": (
        line(USER, ANSWER, tools=[{"function": {"name": "f", "a": nested(101)}}]),
        [("too_deep", 111, "$.tools[0]")],
    ),
    "deep arguments": (
        line(USER, called(json.dumps(nested(101)))),
        [("too_deep", 185, "$.messages[1].tool_calls[0].function.arguments")],
    ),
    "half a character": (GOOD.replace(b"Hello", b"\\ud83d"), [("lone_surrogate", 44, "$.messages[0].content")]),
    "the second half of a character": (
        GOOD.replace(b"Hello", b"a\\ude00b"),
        [("lone_surrogate", 45, "$.messages[0].content")],
    ),
    "two halves in the wrong order": (
        GOOD.replace(b"Hello", b"\\ude00\\ud83d"),
        [("lone_surrogate", 44, "$.messages[0].content")],
    ),
    "half a character in two texts and a bad role": (
        GOOD.replace(b"Hello", b"\\ud83d").replace(b"Good", b"\\ud83d").replace(b'"user"', b'"bot"'),
        [
            ("lone_surrogate", 43, "$.messages[0].content"),
            ("lone_surrogate", 87, "$.messages[1].content"),
            ("unrecognized_role", 24, "$.messages[0].role"),
        ],
    ),
    "half a character in a key": (
        user_with(**{"\ud83d": 1}),
        [
            ("lone_surrogate", 53, '$.messages[0]["\\ud83d"]'),
            ("message_unrecognized_key", 62, '$.messages[0]["\\ud83d"]'),
        ],
    ),
    "half a character in a call": (
        answer_with(tool_calls=[{"\ud83d": 1}]),
        [
            ("lone_surrogate", 116, '$.messages[1].tool_calls[0]["\\ud83d"]'),
            ("invalid_tool_calls", 114, "$.messages[1].tool_calls[0]"),
        ],
    ),
    "a NUL byte": (GOOD.replace(b"Hello", b"a\x00b"), [("nul_character", 45, None)]),
    "an escaped NUL": (user_with(content="a\0b"), [("nul_character", 45, "$.messages[0].content")]),
    "an escaped NUL after an escaped backslash": (
        GOOD.replace(b"Hello", rb"\\\u0000"),
        [("nul_character", 46, "$.messages[0].content")],
    ),
    "a name twice": (
        GOOD[:-1] + b', "messages": []}',
        [("duplicate_key", 101, "$.messages"), ("empty_messages", 113, "$.messages")],
    ),
    "a name twice in a message": (
        GOOD.replace(b'"role"', b'"role": "user", "role"', 1),
        [("duplicate_key", 32, "$.messages[0].role")],
    ),
    "a name three times": (
        GOOD[:-1] + b', "id": 1, "id": 2, "id": 3}',
        [("duplicate_key", 110, "$.id"), ("duplicate_key", 119, "$.id")],
    ),
    "a name twice in other spellings": (
        GOOD.replace(b'"role"', rb'"role": "user", "r\u006fle"', 1),
        [("duplicate_key", 32, "$.messages[0].role")],
    ),
    "a name twice, one before white space": (GOOD[:-1] + b', "id": 1, "id" : 2}', [("duplicate_key", 110, "$.id")]),
    "a name twice in a tool": (
        GOOD[:-1] + b', "tools": [{"function": {"name": "f", "name": "g"}}]}',
        [("duplicate_key", 138, "$.tools[0].function.name")],
    ),
    "a name twice beside a quoted one": (
        GOOD.replace(b"Hello", rb"{\"a\": 1}").replace(b'"content"', b'"content": "", "content"', 1),
        [("duplicate_key", 47, "$.messages[0].content")],
    ),
    "longer than the cap": (user_with(content="x" * MAX_LINE_BYTES), [("line_too_long", None, None)]),
    "a list": (b"[1]", [("data_type", 1, "$")]),
    "a text": (b'"hello"', [("data_type", 1, "$")]),
    "null": (b"null", [("data_type", 1, "$")]),
    "an empty object": (b"{}", [("missing_messages_list", 1, "$")]),
    "another format": (b'{"prompt": "a", "completion": "b"}', [("other_format", 1, "$")]),
    "no known format": (b'{"title": "a"}', [("missing_messages_list", 1, "$")]),
    "messages that are a text": (b'{"messages": "hello"}', [("missing_messages_list", 14, "$.messages")]),
    "messages that are null": (b'{"messages": null}', [("missing_messages_list", 14, "$.messages")]),
    "no messages": (line(), [("empty_messages", 14, "$.messages")]),
    "no messages and an ignored key": (line(id=1), [("empty_messages", 14, "$.messages")]),
    "a message that is a text": (line("hello", ANSWER), [("data_type", 15, "$.messages[0]")]),
    "no role": (line({"content": "Hello"}, ANSWER), [("message_missing_key", 15, "$.messages[0]")]),
    "no content": (line({"role": "user"}, ANSWER), [("message_missing_key", 15, "$.messages[0]")]),
    "an unknown role": (user_with(role="human"), [("unrecognized_role", 24, "$.messages[0].role")]),
    "a role in capitals": (user_with(role="User"), [("unrecognized_role", 24, "$.messages[0].role")]),
    "a role that is a number": (user_with(role=1), [("unrecognized_role", 24, "$.messages[0].role")]),
    "a role that is a list": (user_with(role=["user"]), [("unrecognized_role", 24, "$.messages[0].role")]),
    "null content": (user_with(content=None), [("missing_content", 43, "$.messages[0].content")]),
    "empty content": (user_with(content=""), [("missing_content", 43, "$.messages[0].content")]),
    "an empty answer": (answer_with(content=""), [("missing_content", 86, "$.messages[1].content")]),
    "an empty answer with an empty list of calls": (
        answer_with(content="", tool_calls=[]),
        [("missing_content", 86, "$.messages[1].content")],
    ),
    "an empty system prompt": (
        line({"role": "system", "content": ""}, USER, ANSWER),
        [("missing_content", 45, "$.messages[0].content")],
    ),
    "content that is a number": (user_with(content=5), [("missing_content", 43, "$.messages[0].content")]),
    "content parts without text": (user_with(content=[]), [("missing_content", 43, "$.messages[0].content")]),
    "an image": (
        user_with(content=[{"type": "image_url", "image_url": {"url": "a"}}]),
        [("unsupported_content_part", 44, "$.messages[0].content[0]")],
    ),
    "two parts of three that are no text": (
        user_with(content=[{"type": "text"}, {"type": "text", "text": "a"}, "b"]),
        [
            ("unsupported_content_part", 44, "$.messages[0].content[0]"),
            ("unsupported_content_part", 93, "$.messages[0].content[2]"),
        ],
    ),
    "an unknown key in a message": (
        user_with(contents="a"),
        [("message_unrecognized_key", 64, "$.messages[0].contents")],
    ),
    "an unknown key with a space": (
        user_with(**{"my key": 1}),
        [("message_unrecognized_key", 62, '$.messages[0]["my key"]')],
    ),
    "an unknown key of 300 characters": (
        user_with(**{"k" * 300: 1}),
        [("message_unrecognized_key", 356, "$.messages[0]")],
    ),
    "an unknown key beyond ASCII": (
        line({**USER, "caf\u00e9": 1}, ANSWER),
        [("message_unrecognized_key", 65, '$.messages[0]["caf\\u00e9"]')],
    ),
    "no key at all": (user_with(**{"": 1}), [("message_unrecognized_key", 56, '$.messages[0][""]')]),
    "a name that is a number": (user_with(name=1), [("data_type", 60, "$.messages[0].name")]),
    "a weight of 2": (answer_with(weight=2), [("invalid_weight", 109, "$.messages[1].weight")]),
    "a weight of one half": (answer_with(weight=0.5), [("invalid_weight", 109, "$.messages[1].weight")]),
    "a weight of true": (answer_with(weight=True), [("invalid_weight", 109, "$.messages[1].weight")]),
    "no answer": (line(USER), [("example_missing_assistant_message", 14, "$.messages")]),
    "no answer and a bad message": (
        line({"role": "user"}),
        [("message_missing_key", 15, "$.messages[0]"), ("example_missing_assistant_message", 14, "$.messages")],
    ),
    "only answers that are not trained": (answer_with(weight=0), [("no_trained_message", 14, "$.messages")]),
    "calls that are an object": (answer_with(tool_calls={}), [("invalid_tool_calls", 113, "$.messages[1].tool_calls")]),
    "a call without a function": (
        answer_with(tool_calls=[{"id": "c1"}]),
        [("invalid_tool_calls", 114, "$.messages[1].tool_calls[0]")],
    ),
    "a function call that is a text": (
        answer_with(function_call="auto"),
        [("invalid_tool_calls", 116, "$.messages[1].function_call")],
    ),
    "arguments that are no JSON": (
        line(USER, called("{")),
        [("invalid_tool_arguments", 185, "$.messages[1].tool_calls[0].function.arguments")],
    ),
    "arguments that are a list": (
        line(USER, called("[1]")),
        [("invalid_tool_arguments", 185, "$.messages[1].tool_calls[0].function.arguments")],
    ),
    "arguments that are a number": (
        line(USER, called(5)),
        [("invalid_tool_calls", 107, "$.messages[1].tool_calls[0]")],
    ),
    "arguments of the second call": (
        line(USER, {**ANSWER, "tool_calls": [*called()["tool_calls"], *called("{")["tool_calls"]]}),
        [("invalid_tool_arguments", 278, "$.messages[1].tool_calls[1].function.arguments")],
    ),
    "arguments of an earlier API's call": (
        line(USER, {"role": "assistant", "function_call": {"name": "f", "arguments": "a"}}),
        [("invalid_tool_arguments", 119, "$.messages[1].function_call.arguments")],
    ),
    "a call by the user": (
        line({**called(), "role": "user"}, ANSWER),
        [("unexpected_tool_calls", 63, "$.messages[0].tool_calls")],
    ),
    "an answer to no call": (
        line(USER, {"role": "tool", "content": "5"}, ANSWER),
        [("unexpected_tool_message", 62, "$.messages[1].role")],
    ),
    "an answer to another call": (
        line(USER, called(), {"role": "tool", "content": "5", "tool_call_id": "c2"}, ANSWER),
        [("unknown_tool_call_id", 244, "$.messages[2].tool_call_id")],
    ),
    "tools that are an object": (line(USER, ANSWER, tools={}), [("invalid_tools", 110, "$.tools")]),
    "a tool without a name": (
        line(USER, ANSWER, tools=[{"type": "function", "function": {}}]),
        [("invalid_tools", 111, "$.tools[0]")],
    ),
    "the second and third tool without a name": (
        line(USER, ANSWER, tools=[{"function": {"name": "f"}}, {}, 5]),
        [("invalid_tools", 140, "$.tools[1]"), ("invalid_tools", 144, "$.tools[2]")],
    ),
    "functions without a name": (
        line(USER, ANSWER, functions=[{"description": "a"}]),
        [("invalid_tools", 115, "$.functions[0]")],
    ),
    "a setting that is a text": (
        line(USER, ANSWER, parallel_tool_calls="yes"),
        [("data_type", 124, "$.parallel_tool_calls")],
    ),
    "several faults at once": (
        line({"role": "human", "content": 5, "mood": "good"}, {**ANSWER, "weight": 7}),
        [
            ("message_unrecognized_key", 55, "$.messages[0].mood"),
            ("unrecognized_role", 24, "$.messages[0].role"),
            ("missing_content", 44, "$.messages[0].content"),
            ("invalid_weight", 120, "$.messages[1].weight"),
        ],
    ),
    "faults of types and of rules": (
        line({**USER, "content": ""}, {"role": "tool", "content": "5"}, ANSWER, tools=[{}]),
        [
            ("invalid_tools", 140, "$.tools[0]"),
            ("missing_content", 43, "$.messages[0].content"),
            ("unexpected_tool_message", 57, "$.messages[1].role"),
        ],
    ),
    "faults behind an ignored key": (
        line({"role": "user"}, {"role": "bot", "content": "a"}, id=1),
        [
            ("message_missing_key", 15, "$.messages[0]"),
            ("unrecognized_role", 42, "$.messages[1].role"),
            ("example_missing_assistant_message", 14, "$.messages"),
        ],
    ),
    "white space before a bad line": (
        b"  " + b'{ "messages" : [ 5 ] }',
        [("data_type", 20, "$.messages[0]"), ("example_missing_assistant_message", 18, "$.messages")],
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_every_fault_is_named_by_line_column_path_and_code(name: str) -> None:
    malformed, faults = MALFORMED[name]
    report = analyze(io.BytesIO(GOOD + b"\n\n" + malformed + b"\n" + GOOD))
    assert [(item.line, item.code, item.column, item.path) for item in report.invalid_lines.items] == [
        (3, *item) for item in faults
    ]
    assert (report.total_examples, report.invalid_lines.count, report.format_valid) == (2, 1, False)


def test_every_code_has_a_test_and_every_message_says_how_to_mend_it() -> None:
    tested = {code for _, faults in MALFORMED.values() for code, _, _ in faults}
    # What is wrong with rows of other formats is in test_conversion.
    assert tested == set(FIXES) - {"missing_column", "row_length"}
    for malformed, _ in MALFORMED.values():
        found = explain(malformed) if len(malformed) < MAX_LINE_BYTES else []
        assert all(item.message.endswith(FIXES[item.code]) and len(item.message) < 300 for item in found)


def test_a_message_says_where_and_what() -> None:
    (found,) = explain(line(USER, {"role": "bot", "content": "Hi"}, ANSWER))
    assert found.message == 'Message 2 has the role "bot". Use system, developer, user, assistant, tool or function.'


def test_long_values_are_cut_in_messages_and_paths() -> None:
    assert len(explain(user_with(role="x" * 10_000))[0].message) < 200
    (found,) = explain(GOOD[:-1] + b', "' + b"k" * 10_000 + b'": {"a": NaN}}')
    assert (found.path, found.column) == ("$", 10_111)


def test_a_line_of_endless_faults_gives_the_first() -> None:
    for malformed in (line(*[{"role": "user"}] * 1000), line(*["text"] * 1000), b"[" + b"NaN," * 1000 + b"1]"):
        assert len(explain(malformed)) == MAX_FAULTS


def test_the_decoders_own_words_are_the_last_resort() -> None:
    (found,) = explain(b'{"messages": 1}', OPENAI_FORM._replace(faults=lambda _: iter(())))
    assert found.code == "data_type"
    assert found.message.startswith("Expected `array`, got `int` - at `$.messages`")


@pytest.mark.parametrize(
    "malformed",
    [
        b"[" * 4_000_000,
        b'{"messages": ["' + rb"\"" * 1_000_000 + b'"]}',
        b'{"messages": "' + rb"\ud83d" * 300_000 + b'"}',
        b'{"tools": ' + b"[" * 900 + b"1," * 100_000 + b"1" + b"]" * 900 + b"}",
        b'{"id": ' + b"9" * 4_000_000 + b"}",
        b"{" + b'"a": 1,' * 100_000 + b'"b": 1}',
    ],
    ids=["open lists", "quotes", "halves of characters", "deep and wide", "digits", "one name"],
)
def test_monstrous_lines_are_explained_too(malformed: bytes) -> None:
    assert 1 <= len(explain(malformed)) <= MAX_FAULTS
