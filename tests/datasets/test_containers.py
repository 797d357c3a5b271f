"""Files of every container as lines, one row each."""

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import tarfile
import threading
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from webapp.datasets.compression import FREE_BYTES
from webapp.datasets.containers import opened
from webapp.datasets.reading import MAX_LINE_BYTES
from webapp.errors import Problem

ROWS = [{"question": f"What is {n}?\nTell me.", "answer": f'It is "{n}", é.'} for n in range(300)]


def as_jsonl(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def as_table(rows: list[dict[str, Any]], delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows: list[dict[str, Any]], **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file, **options)
    return file.getvalue()


FILES = {
    "jsonl": as_jsonl(ROWS),
    "json": json.dumps(ROWS, indent=2, ensure_ascii=False).encode(),
    "csv": as_table(ROWS, ","),
    "tsv": as_table(ROWS, "\t"),
    "parquet": as_parquet(ROWS, row_group_size=100),
}
COMPRESS: dict[str | None, Any] = {
    None: bytes,
    "gzip": gzip.compress,
    "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
}


def lines_of(data: bytes, name: str | None = None) -> list[bytes]:
    with opened(io.BytesIO(data), name) as file:
        return list(file.stream)


def rows_of(data: bytes, name: str | None = None) -> list[Any]:
    return [json.loads(line) for line in lines_of(data, name)]


def problem_of(data: bytes, name: str | None = None) -> Problem:
    with pytest.raises(Problem) as caught:
        lines_of(data, name)
    return caught.value


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("container", FILES)
def test_every_container_gives_the_same_rows_compressed_or_not(container: str, compression: Any) -> None:
    with opened(io.BytesIO(COMPRESS[compression](FILES[container]))) as file:
        assert (file.container, file.compression) == (container, compression)
        assert [json.loads(line) for line in file.stream] == ROWS
        assert 0.5 < file.share(len(FILES["jsonl"])) <= 1.0


@pytest.mark.parametrize("container", FILES)
def test_a_pipe_is_read_like_a_file(container: str) -> None:
    read_end, write_end = os.pipe()

    def write() -> None:
        with os.fdopen(write_end, "wb") as stream:
            stream.write(gzip.compress(FILES[container]))

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(read_end, "rb") as pipe, opened(pipe) as file:
        assert [json.loads(line) for line in file.stream] == ROWS
        assert file.share(10) == 0.0
    writer.join()


def test_plain_json_lines_are_the_file_itself(tmp_path: Path) -> None:
    stream = io.BytesIO(FILES["jsonl"])
    with opened(stream) as file:
        assert file.stream is stream
        assert stream.tell() == 0
        assert file.share(len(FILES["jsonl"]) // 2) == pytest.approx(0.5, abs=0.01)
    path = tmp_path / "a.jsonl"
    path.write_bytes(FILES["jsonl"])
    with opened(path) as file:
        assert file.stream.fileno() > 0


@pytest.mark.parametrize(
    ("data", "name", "container"),
    [
        (b'{"a": 1}\n{"a": 2}\n', "a.json", "jsonl"),
        (b'{"a": 1}\n{"a": 2}\n', "a.csv", "jsonl"),
        (b'[{"a": 1}]\n', "a.jsonl", "json"),
        (b"[1, 2]\n[3]\n", "a.jsonl", "jsonl"),
        (b'\xef\xbb\xbf [\n {"a": 1}]', None, "json"),
        (b'{\n "a": 1}', None, "json"),
        (b'{"a":\n 1}', "a.json", "json"),
        (b'{"a":\n 1}', "a.jsonl", "jsonl"),
        (b"{\n[]\n", "a.jsonl", "jsonl"),
        (b"one,two\n1,2\n", "a.csv", "csv"),
        (b"one,two\n1,2\n", "a.csv.gz", "csv"),
        (b"one,two\n1,2\n", "a.jsonl", "jsonl"),
        (b"question;answer\n1;2\n", "a.jsonl", "csv"),
        (b"one|two, three|four\n1|2|3\n", "a.csv", "csv"),
        (b"not json\n" * 40, None, "jsonl"),
        (b"", "a.csv", "csv"),
        (b"", None, "jsonl"),
    ],
)
def test_the_content_says_what_a_file_is_and_the_name_where_it_does_not(data: bytes, name: Any, container: str) -> None:
    with opened(io.BytesIO(data), name) as file:
        assert file.container == container


def test_utf_16_is_refused_in_every_text() -> None:
    for name in ("a.csv", "a.json", "a.jsonl"):
        assert problem_of("question,answer\n1,2\n".encode("utf-16"), name).code == "unsupported_encoding"
    assert problem_of(gzip.compress("[{}]".encode("utf-16"))).code == "unsupported_encoding"


def zipped(content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("rows.jsonl", content)
    return made.getvalue()


def taped(content: bytes, form: int) -> bytes:
    made, entry = io.BytesIO(), tarfile.TarInfo("rows.jsonl")
    entry.size = len(content)
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (zipped(FILES["jsonl"]), "Excel, Word or zip file. Export it as CSV, or unpack it"),
        (taped(FILES["jsonl"], tarfile.USTAR_FORMAT), "Unpack it"),
        (taped(FILES["jsonl"], tarfile.GNU_FORMAT), "Unpack it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Export it as CSV"),
        (b"%PDF-1.7\n%\xe2\xe3\n" + FILES["jsonl"], "PDF"),
        (b"\x89PNG\r\n\x1a\n" + FILES["jsonl"], "picture"),
        (bz2.compress(FILES["jsonl"]), "gzip or zstd"),
        (lzma.compress(FILES["jsonl"]), "gzip or zstd"),
    ],
)
def test_what_is_no_text_is_refused_with_what_to_do_plain_or_compressed(data: bytes, advice: str) -> None:
    for name in ("a.csv", "a.json", "a.jsonl", "a.xlsx"):
        problem = problem_of(data, name)
        assert (problem.code, problem.status) == ("unsupported_file", 400)
        assert advice in problem.message
    assert problem_of(gzip.compress(data)).code == "unsupported_file"


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_damaged_archive_is_one_problem(compression: str) -> None:
    packed = COMPRESS[compression](os.urandom(3_000_000).hex().encode())
    cut = problem_of(packed[:-100_000])
    assert (cut.code, cut.status) == ("broken_archive", 400)
    assert "cut off" in cut.message
    assert problem_of(packed[:1000] + b"x" * 100 + packed[1100:]).code == "broken_archive"
    assert problem_of(packed + b"more").code == "broken_archive"


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_archives_one_after_another_are_one(compression: str) -> None:
    packed = COMPRESS[compression]
    assert lines_of(packed(b'{"a": 1}\n') + packed(b'{"a": 2}\n')) == [b'{"a": 1}\n', b'{"a": 2}\n']


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_bomb_is_refused_before_it_is_unpacked(compression: str) -> None:
    bomb = COMPRESS[compression](b" " * (FREE_BYTES + 40_000_000))
    assert len(bomb) < 200_000
    read: list[int] = []
    tracemalloc.start()
    with opened(io.BytesIO(bomb)) as file, pytest.raises(Problem) as caught:
        read.extend(map(len, iter(lambda: file.stream.read(1 << 20), b"")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code == "decompression_bomb"
    assert sum(read) <= FREE_BYTES
    assert peak < 16_000_000


def test_up_to_64_mib_any_ratio_is_fine() -> None:
    with opened(io.BytesIO(gzip.compress(b" " * FREE_BYTES))) as file:
        assert sum(map(len, iter(lambda: file.stream.read(1 << 20), b""))) == FREE_BYTES


def test_a_damaged_parquet_file_is_one_problem() -> None:
    data = FILES["parquet"]
    for damaged in (data[:-20], b"PAR1", data[:200] + b"x" * 400 + data[600:]):
        assert problem_of(damaged).code == "broken_parquet"


def test_parquet_lists_and_structs_are_json_and_nulls_of_a_struct_are_left_out() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}]
    (row,) = rows_of(as_parquet([{"messages": messages, "id": None, "scores": [1.5, None]}]))
    assert row == {"messages": messages, "scores": [1.5, None]}


def test_a_parquet_file_is_read_in_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    schema = pa.schema([("prompt", pa.string()), ("completion", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for _ in range(20):
            texts = [os.urandom(1000).hex() for _ in range(1000)]
            writer.write_table(pa.table({"prompt": texts, "completion": texts}, schema=schema))
    before, highest = pa.total_allocated_bytes(), 0
    with opened(path) as file:
        for number, _ in enumerate(file.stream):
            if number % 100 == 0:
                highest = max(highest, pa.total_allocated_bytes())
    assert number == 19_999
    assert highest - before < path.stat().st_size / 4


def test_a_row_over_the_cap_is_one_long_line() -> None:
    rows = [{"question": "a", "answer": "b"}, {"question": "a", "answer": "x" * MAX_LINE_BYTES}, ROWS[0]]
    for data in (json.dumps(rows).encode(), as_parquet(rows)):
        lengths = [len(line) for line in lines_of(data)]
        assert len(lengths) == 3
        assert lengths[1] > MAX_LINE_BYTES
        assert max(lengths[0], lengths[2]) < 200
