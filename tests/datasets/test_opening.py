"""Files of every container and format through the whole analysis."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.test_containers import as_jsonl, as_parquet, as_table
from webapp.datasets import ExampleWriter, analyze
from webapp.datasets.report import Source
from webapp.errors import Problem

PAIRS = [{"question": f"What is {n} and {n}?", "answer": f"It is {2 * n}."} for n in range(30)]
CHATS = [
    {"messages": [{"role": "user", "content": row["question"]}, {"role": "assistant", "content": row["answer"]}]}
    for row in PAIRS
]


def test_the_same_conversations_are_the_same_data_whatever_held_them() -> None:
    expected = analyze(io.BytesIO(as_jsonl(CHATS)))
    assert expected.format == "openai_messages"
    in_cells = [{"messages": json.dumps(row["messages"])} for row in CHATS]
    for data in (
        as_jsonl(PAIRS),
        json.dumps(PAIRS).encode(),
        json.dumps({"data": CHATS}, indent=2).encode(),
        as_table(PAIRS, ","),
        as_table(in_cells, "\t"),
        as_parquet(PAIRS),
        as_parquet(CHATS),
        gzip.compress(as_jsonl(CHATS)),
    ):
        found = analyze(io.BytesIO(data), name="a.tsv" if data.startswith(b"messages") else None)
        assert (found.sha256, found.total_examples, found.format_valid) == (expected.sha256, 30, True)


def test_the_report_says_where_the_examples_come_from() -> None:
    data = gzip.compress(as_table(PAIRS, ";"))
    found = analyze(io.BytesIO(data))
    assert found.format == "question_answer"
    assert found.source == Source(
        container="csv",
        compression="gzip",
        unit="row",
        confidence=1.0,
        mapping={"question": "prompt", "answer": "completion"},
        rows_looked_at=30,
        columns=["question", "answer"],
    )


def test_plain_lines_keep_their_numbers() -> None:
    found = analyze(io.BytesIO(b"\n\n" + as_jsonl(CHATS)))
    assert (found.source.container, found.source.unit, found.source.rows_looked_at) == ("jsonl", "line", 30)


def test_the_minority_of_a_mixed_file_is_named_by_line() -> None:
    rows: list[Any] = [*PAIRS]
    rows[4] = {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}
    rows[8] = CHATS[0]
    rows[9] = {"question": "Well?"}
    found = analyze(io.BytesIO(as_jsonl(rows)))
    assert (found.total_examples, found.invalid_lines.count) == (27, 3)
    assert [(item.line, item.code) for item in found.invalid_lines.items] == [
        (5, "other_format"),
        (9, "other_format"),
        (10, "missing_column"),
    ]
    assert found.source.confidence == 0.9


def test_a_mapping_reads_what_names_do_not_tell(tmp_path: Path) -> None:
    path = tmp_path / "fragen.csv"
    path.write_bytes(as_table([{"frage": row["question"], "antwort": row["answer"]} for row in PAIRS], ";"))
    with pytest.raises(Problem) as caught:
        analyze(path)
    assert caught.value.code == "ambiguous_format"
    with ExampleWriter(tmp_path / "examples") as sink:
        found = analyze(path, mapping={"frage": "prompt", "antwort": "completion"}, sink=sink)
    assert (found.sha256, found.format) == (analyze(io.BytesIO(as_jsonl(CHATS))).sha256, "prompt_completion")


def test_a_mapped_column_of_a_table_may_hold_chats() -> None:
    table = as_table([{"dialog": json.dumps(row["messages"]), "nr": "1"} for row in CHATS], ",")
    found = analyze(io.BytesIO(table), name="a.csv", mapping={"dialog": "messages"})
    assert (found.total_examples, found.format) == (30, "openai_messages")


def test_progress_of_a_packed_file_rises_to_one() -> None:
    rows = [{"question": f"{n} " + "word " * 20_000, "answer": "b"} for n in range(60)]
    for data in (gzip.compress(as_jsonl(rows)), json.dumps(rows).encode(), as_parquet(rows, row_group_size=5)):
        shares: list[float] = []
        analyze(io.BytesIO(data), progress=shares.append)
        assert len(shares) > 3
        assert shares == sorted(shares)
        assert shares[-1] == 1.0
