"""What arrays come to as values, told without making one."""

from typing import Any

import pyarrow as pa
import pytest

from webapp.datasets.arrow_sizes import size

TEXTS = ["abc", None, "é" * 10, ""]
KINDS: dict[str, tuple[pa.Array, int]] = {
    "numbers": (pa.array([1, None, 3]), 3),
    "nulls": (pa.nulls(5), 5),
    "texts": (pa.array(TEXTS), 4 + 23),
    "large texts": (pa.array(TEXTS, pa.large_string()), 4 + 23),
    "views of texts": (pa.array(TEXTS, pa.string_view()), 4 + 23),
    "bytes": (pa.array([b"abc", None]), 2 + 3),
    "bytes of one size": (pa.array([b"abc", b"def"], pa.binary(3)), 2 + 6),
    "a text that is shared": (pa.array(["abc", None, "abc", "d"]).dictionary_encode(), 4 + 7),
    "lists": (pa.array([["abc", None], None, [], ["d"]]), 4 + 3 + 4),
    "large lists": (pa.array([[1, 2], [3]], pa.large_list(pa.int8())), 2 + 3),
    "lists of one size": (pa.array([["a", "b"], ["c", "d"]], pa.list_(pa.string(), 2)), 2 + 4 + 4),
    "views of lists": (pa.array([["ab"], None], pa.list_view(pa.string())), 2 + 1 + 2),
    "lists of nulls": (pa.array([[None] * 7], pa.list_(pa.null())), 1 + 7),
    "objects": (pa.array([{"a": "abc", "b": 1}, {"a": None, "b": None}]), 2 + 4 + 3),
    "maps": (pa.array([[("a", "bb")], None], pa.map_(pa.string(), pa.string())), 2 + 1 + 2 + 3),
    "a kind of its own": (pa.array(['"abc"'], pa.json_()), 1 + 5),
}


@pytest.mark.parametrize("kind", KINDS)
def test_texts_count_by_their_bytes_and_everything_as_one(kind: str) -> None:
    array, expected = KINDS[kind]
    assert size([array]) == expected
    assert size([array, array]) == 2 * expected
    assert size([array.slice(0, 0)]) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_parts_of_an_array_come_to_what_it_comes_to(kind: str) -> None:
    array, expected = KINDS[kind]
    parts: list[Any] = [array.slice(row, 1) for row in range(len(array))]
    assert size(parts) == expected
