"""The plain lines of a block and the others: read in two ways, and to the same."""

import io
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.datasets.lines import ANSWER, GOOD, USER, answer_with, asked, block, called, line, user_with
from webapp.datasets import reading, rows
from webapp.datasets.parsing import explain, parse
from webapp.datasets.reading import Block, read_blocks
from webapp.datasets.records import encode
from webapp.datasets.rows import MAX_INVALID_ITEMS, Rows, read_rows
from webapp.datasets.shapes import order_of

CALLS = line(USER, called(), {"role": "tool", "content": "5", "tool_call_id": "c1"}, ANSWER)
OLDER = line({"role": "developer", "content": "Be kind."}, USER, ANSWER, id=7)


def one_by_one(found: Block) -> Rows:
    """The same rows, each line by `parse` alone."""
    expected = Rows()
    for number, content in enumerate(found.lines, found.first):
        parsed = parse(content) if content is not None else None
        if parsed:
            conversation, called_tools = parsed.conversation, any(m.tool_calls for m in parsed.conversation.messages)
            marks = [
                ("tool_calls", called_tools),
                ("unknown_keys", parsed.unknown_keys),
                ("older_names", parsed.older_names),
            ]
            expected.noticed[len(expected)] = [name for name, is_so in marks if is_so]
            expected.unknown_keys.update(parsed.unknown_keys)
            expected.append(number, conversation, encode(conversation), order_of(conversation))
        elif content is None or content.strip():
            expected.invalid.append(number)
    return expected


def check(found: Block) -> Rows:
    """The rows of a block, after they were compared with those of its lines one by one."""
    read, expected = read_rows(found), one_by_one(found)
    for name in ("numbers", "conversations", "canonical", "orders", "unknown_keys", "invalid"):
        assert getattr(read, name) == getattr(expected, name), name
    marked = {place: names for place, names in expected.noticed.items() if names}
    assert {place: names for place, names in read.noticed.items() if names} == marked
    named = [(item.line, item.code, item.column, item.path, item.message) for item in read.faults]
    told = [
        (number, item.code, item.column, item.path, item.message)
        for number in expected.invalid
        for item in explain(found.lines[number - found.first] or b"")
    ]
    assert named == told[:MAX_INVALID_ITEMS]
    return read


# What a text may hold in its written form, and what may stand in a message beside role and content.
written = st.lists(
    st.sampled_from(
        ["a", " ", "é", "\U0001f600", ":", ",", "{", r"\"", r"\\", r"\n", r"\/", r"\u0022", r"\u0000", r"\u005c",
         r"\\u0022", r"\\u0000", r"\u00e9", r"\ud83d", r"\ud83d\ude00", '"', "\\", "\t", "\x00", r"\":", r"\":null"]
    ),
    max_size=4,
).map("".join)  # fmt: skip
beside = st.sampled_from(
    ["", ', "name": "Ann"', ', "name": null', ', "weight": null', ', "weight": 0', ', "weight": 1', ', "weight": true',
     ', "role": "user"', ', "content": "again"', r', "r\u006fle": "user"', ', "tool_calls": null', ', "tool_calls": []',
     ', "tool_call_id": "c1"', ', "other": 1', ', "content" : "again"']
)  # fmt: skip
messages = st.builds(
    lambda role, text, more: f'{{"role": "{role}", "content": "{text}"{more}}}',
    st.sampled_from(["user", "assistant", "system", "developer", "tool", "bot"]),
    written,
    beside,
)
around = st.sampled_from(
    ["", ', "id": 1', ', "id": 1, "id": 2', ', "tools": null', ', "tools": []', ', "messages": []', "}", " ", ",",
     ', "n": 123456789012345678901']
)  # fmt: skip
built = st.builds(
    lambda found, more: f'{{"messages": [{", ".join(found)}]{more}}}'.encode(), st.lists(messages, max_size=3), around
)
plain = st.builds(asked, st.text(min_size=1, max_size=9), st.text(min_size=1, max_size=9))
escaped = st.builds(lambda text: GOOD.replace(b"Hello", text.encode(errors="replace")), written)
odd = st.sampled_from([b"", b" \t", b"\x0b", b"{}", b"null", b"bad", b"\xe9", b"\xef\xbb\xbf" + GOOD, CALLS, OLDER])
any_lines = st.lists(plain | escaped | built | odd, max_size=12)


@settings(max_examples=500, deadline=None)
@given(any_lines, st.sampled_from([b"\n", b"\r\n"]))
@example([GOOD.replace(b"Hello", rb"\u0022"), GOOD.replace(b'"role"', b'"role": "user", "role"', 1)], b"\n")
@example([GOOD.replace(b"Hello", rb"\u0000"), GOOD], b"\r\n")
def test_a_block_gives_what_its_lines_give_one_by_one(lines: list[bytes], newline: bytes) -> None:
    for found in read_blocks(io.BytesIO(GOOD + newline + newline.join(lines))):
        check(found)


HIDDEN = {
    "a name twice": GOOD.replace(b'"role"', b'"role": "user", "role"', 1),
    "a name twice in other spellings": GOOD.replace(b'"role"', rb'"role": "user", "r\u006fle"', 1),
    "all messages twice": GOOD[:-1] + b', "messages": []}',
    "a NUL": user_with(content="a\0b"),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_fault_that_the_decoder_passes_over_is_found_among_plain_lines(name: str) -> None:
    found = check(block(GOOD, GOOD, HIDDEN[name], GOOD))
    assert (found.numbers, found.invalid) == ([1, 2, 4], [3])


def test_quotes_that_one_line_spells_out_do_not_make_up_for_those_another_has_too_many() -> None:
    spelled = GOOD.replace(b"Hello", rb"\u0022" * 4)
    twice = GOOD.replace(b'"role"', b'"role": "user", "role"', 1)
    assert check(block(spelled, twice)).invalid == [2]


@pytest.mark.parametrize(
    "odd",
    [
        answer_with(weight=1),
        answer_with(name=None),
        answer_with(tool_calls=[]),
        line(USER, ANSWER, tools=[]),
        CALLS,
        OLDER,
        user_with(name="Ann"),
    ],
    ids=["a weight", "a null", "no calls", "no tools", "calls", "older names", "a name"],
)
def test_lines_that_are_not_plain_stay_in_their_places(odd: bytes) -> None:
    found = check(block(asked("first", "a"), odd, asked("last", "b"), first=7))
    assert found.numbers == [7, 8, 9]
    assert [one.messages[-1].content for one in found.conversations] == ["a", "Good day.", "b"]


def test_what_is_noticed_belongs_to_the_line_that_is_odd() -> None:
    found = check(block(GOOD, CALLS, b"bad", OLDER, GOOD))
    assert {place: names for place, names in found.noticed.items() if names} == {
        1: ["tool_calls"],
        2: ["unknown_keys", "older_names"],
    }
    assert found.unknown_keys == {"id"}


def test_plain_lines_are_not_looked_at_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "parse", lambda _: pytest.fail("a plain line was parsed"))
    found = read_rows(block(*(asked(f"{number}?", 'He said: "No: 1, 2"\n') for number in range(100))))
    assert (len(found), found.noticed) == (100, {})


def test_blank_lines_are_neither_and_a_line_over_the_cap_is_invalid() -> None:
    found = read_rows(block(b"", GOOD, b" \t", None, b"\r", first=3))
    assert (found.numbers, found.invalid) == ([4], [6])
    assert [(item.line, item.code) for item in found.faults] == [(6, "line_too_long")]


def test_invalid_lines_are_in_order_and_only_the_first_are_explained() -> None:
    bad = json.dumps({"messages": [{}, {}]}).encode()
    found = read_rows(block(*[bad, GOOD] * 200))
    assert found.invalid == list(range(1, 400, 2))
    assert len(found.faults) == MAX_INVALID_ITEMS
    assert [item.line for item in found.faults] == sorted(item.line for item in found.faults)
    assert [item.line for item in read_rows(block(bad, bad), max_items=1).faults] == [1]
    assert read_rows(block(bad), max_items=0).faults == []


def test_two_blocks_share_nothing() -> None:
    assert read_rows(block(OLDER)).unknown_keys == {"id"}
    again = read_rows(block(GOOD))
    assert (again.unknown_keys, again.noticed, again.invalid, again.faults) == (set(), {}, [], [])


def test_a_block_of_the_largest_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 1000)
    longest = user_with(content="x" * 50_000)
    blocks = list(read_blocks(io.BytesIO(b"\n".join([GOOD, longest, GOOD]))))
    assert [number for found in blocks for number in check(found).numbers] == [1, 2, 3]
