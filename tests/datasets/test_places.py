"""Where a value stands in a line."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.datasets.places import MAX_PATH_CHARACTERS, Steps, columns, json_path, settled, too_deep, walk

texts = st.text(st.characters(), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def places(value: Any, steps: Steps = ()) -> dict[Steps, Any]:
    found = {steps: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found |= places(item, (*steps, key))
    return found


@given(json_values, st.sampled_from([(", ", ": "), (",", ":"), (" ,\t", " : ")]), st.booleans())
def test_every_value_is_found_where_it_begins(value: Any, separators: tuple[str, str], ascii_only: bool) -> None:
    line = json.dumps(value, separators=separators, ensure_ascii=ascii_only)
    wanted = places(value)
    found = columns(line, wanted.keys())
    assert found.keys() == wanted.keys()
    for steps, column in found.items():
        read, _ = json.JSONDecoder().raw_decode(line, column - 1)
        assert repr(read) == repr(json.loads(json.dumps(wanted[steps])))


@given(st.text(st.sampled_from('[]{},:"\\ a1'), max_size=30))
def test_what_is_no_json_is_walked_to_some_end(line: str) -> None:
    for token in walk(line):
        assert line.startswith(token.text, token.start)
        settled(token.steps)


def test_of_a_repeated_name_the_last_value_counts() -> None:
    assert columns('{"a": 1, "a": 2}', {("a",)}) == {("a",): 15}


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        ((), "$"),
        (("messages", 2, "role"), "$.messages[2].role"),
        (("my key", 0), '$["my key"][0]'),
        (("a'\"\\", "caf\u00e9", ""), '$["a\'\\"\\\\"]["caf\\u00e9"][""]'),
        (("a", "k" * MAX_PATH_CHARACTERS, "b"), "$.a"),
        (("a",) * 200, "$" + ".a" * 99),
    ],
)
def test_steps_are_written_as_a_json_path(steps: Steps, path: str) -> None:
    assert json_path(steps) == path


def test_the_member_that_is_too_deep_is_named_whether_the_line_is_complete_or_not() -> None:
    assert too_deep('{"a": 1, "b": [[[1]]]}', 3) == (("b",), 15)
    assert too_deep('{"a": 1, "b": [[[', 3) == (("b",), 15)
    assert too_deep(" [[[[", 3) == ((0,), 3)
    assert too_deep('{"a": [[1]]}', 3) is None
