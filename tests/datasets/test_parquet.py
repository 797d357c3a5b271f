"""Parquet files that are far larger than they look are refused before they fill the memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from webapp.datasets.containers import opened
from webapp.datasets.parquet import _BATCH_ROWS
from webapp.datasets.reading import MAX_LINE_BYTES, read_lines

MIB = 1024**2
# What reading the file comes to, and the most memory that it took, in a process that gets 4 GiB.
READ = """
import json, re, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (4 * 1024**3,) * 2)
from webapp.datasets.containers import opened
from webapp.datasets.reading import read_lines
from webapp.errors import Problem
try:
    with opened(Path(sys.argv[1])) as file:
        for _ in read_lines(file.stream):
            pass
    code = None
except Problem as problem:
    code = problem.code
# Of this program alone: what getrusage tells begins with the memory of the process that started it.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(json.dumps([code, int(peak[1]) * 1024]))
"""


def one_text(times: int, size: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(times, np.int32)), pa.array(["x" * size]))


def in_one_list(values: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)


def written(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, compression="zstd", **options)
    return path


# Without Arrow's own types every row has a text of its own as soon as it is read.
BOMBS: dict[str, tuple[Any, bool]] = {
    "a text of 60 MiB in 64 rows": (lambda: one_text(64, 60 * MIB), False),
    "a text of 60 MiB that 64 rows share": (lambda: one_text(64, 60 * MIB), True),
    "a text of 1 MiB 10,000 times in a list": (lambda: in_one_list(one_text(10_000, MIB)), False),
    "a list of 68 million numbers": (lambda: in_one_list(pa.array(np.zeros(68_000_000, np.int8))), False),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_few_kilobytes_that_stand_for_gigabytes_are_refused_in_little_memory(tmp_path: Path, bomb: str) -> None:
    make, schema = BOMBS[bomb]
    column = make()
    path = written(
        tmp_path / "a.parquet",
        {"prompt": ["a"] * len(column), "completion": ["b"] * len(column), "more": column},
        store_schema=schema,
    )
    assert path.stat().st_size < 20_000
    child = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    code, peak = json.loads(child.stdout)
    assert code == "decompression_bomb", child.stderr
    assert peak < 2 * 1024 * MIB


@pytest.mark.parametrize("schema", [True, False], ids=["with Arrow's types", "without"])
def test_a_row_over_the_cap_is_one_long_line_and_those_around_it_are_read(tmp_path: Path, schema: bool) -> None:
    texts = ["short", "x" * (MAX_LINE_BYTES + 1)]
    places = [0, 1, 0, 0, 1] + [0] * _BATCH_ROWS + [1]
    answers = pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), pa.array(texts))
    path = written(
        tmp_path / "a.parquet", {"prompt": list(range(len(places))), "completion": answers}, store_schema=schema
    )
    with opened(path) as file:
        lines = list(read_lines(file.stream))
    assert [line.content is None for line in lines] == [place == 1 for place in places]
    rows = [json.loads(line.content) for line in lines if line.content]
    assert rows == [{"prompt": row, "completion": "short"} for row, place in enumerate(places) if place == 0]


def test_a_row_of_too_many_values_is_too_long_whatever_they_are(tmp_path: Path) -> None:
    values = pa.nulls(MAX_LINE_BYTES, pa.struct([("a", pa.int8()), ("b", pa.int8())]))
    path = written(tmp_path / "a.parquet", {"prompt": ["a"], "completion": ["b"], "more": in_one_list(values)})
    with opened(path) as file:
        (line,) = read_lines(file.stream)
    assert line.content is None
