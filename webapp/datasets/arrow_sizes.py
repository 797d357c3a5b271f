"""How much arrays of Arrow come to as Python's values, told from their buffers: none of the values is made."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

_TEXTS = (pa.StringArray, pa.BinaryArray)
_LARGE_TEXTS = (pa.LargeStringArray, pa.LargeBinaryArray)
_VIEWS = (pa.StringViewArray, pa.BinaryViewArray)
_LISTS = (pa.ListArray, pa.LargeListArray)  # a map is a list too


def size(arrays: Iterable[pa.Array]) -> int:
    """The bytes of all texts in the arrays, and one for each value and each null, at every depth.

    A text that several rows share counts as often.
    """
    return sum(len(array) + _inside(array) for array in arrays if len(array))


def _inside(array: pa.Array) -> int:
    if isinstance(array, _TEXTS):
        return _between(memoryview(array.buffers()[1]).cast("i"), array)
    if isinstance(array, _LARGE_TEXTS):
        return _between(memoryview(array.buffers()[1]).cast("q"), array)
    if isinstance(array, pa.StructArray):
        return size(array.flatten())
    if isinstance(array, _LISTS):
        first, end = array.offsets[0].as_py(), array.offsets[-1].as_py()
        return size([array.values.slice(first, end - first)])
    if isinstance(array, pa.DictionaryArray):
        lengths = pc.binary_length(array.dictionary.cast(pa.large_binary()))
        return pc.sum(lengths.take(array.indices)).as_py() or 0
    if isinstance(array, pa.ExtensionArray):
        return _inside(array.storage)
    if isinstance(array, _VIEWS):
        return _inside(array.cast(pa.large_binary()))
    if pa.types.is_nested(array.type):
        return size([array.flatten()])
    return array.nbytes if pa.types.is_fixed_size_binary(array.type) else 0


def _between(offsets: memoryview, array: pa.Array) -> int:
    """The bytes from the first text to the end of the last one."""
    first: int = offsets[array.offset]
    end: int = offsets[array.offset + len(array)]
    return end - first
