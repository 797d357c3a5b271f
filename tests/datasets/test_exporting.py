"""Exports: read back they are the same conversations, or they are refused."""

import io
import json

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.datasets.lines import called
from tests.datasets.repair.conversations import said
from webapp.datasets import ExampleWriter, analyze, exporting, sample_path
from webapp.datasets.exporting import FORMATS, export, find_format
from webapp.errors import Problem

TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"properties": {"n": {"const": 1}}}}}]
FULL = {
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Where?", "name": "Ann"},
        {**called('{"n": 1}'), "content": ""},
        {"role": "tool", "content": "here", "tool_call_id": "c1"},
        {"role": "assistant", "content": "Here.", "weight": 1},
    ],
    "tools": TOOLS,
}


def exported(path, name, *rows):
    """What the rows are in a format, as bytes."""
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    target = io.BytesIO()
    export(path, find_format(name), target)
    return target.getvalue()


def without_nulls(value):
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def from_parquet(content):
    rows = pq.read_table(io.BytesIO(content)).to_pylist()
    return [without_nulls({**row, "tools": row["tools"] and json.loads(row["tools"])}) for row in rows]


def from_sharegpt(content):
    roles = {"system": "system", "human": "user", "gpt": "assistant"}
    rows = map(json.loads, content.splitlines())
    return [
        {"messages": [{"role": roles[turn["from"]], "content": turn["value"]} for turn in row["conversations"]]}
        for row in rows
    ]


def from_alpaca(content):
    rows = map(json.loads, content.splitlines())
    return [
        said(
            *(text for turn in row["history"] for text in turn),
            row["instruction"] + row["input"],
            row["output"],
            system=row["system"] or None,
        )
        for row in rows
    ]


READERS = {"parquet": from_parquet, "sharegpt": from_sharegpt, "alpaca": from_alpaca}
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
turns = st.lists(st.tuples(texts, texts), min_size=1, max_size=3)
conversations = st.builds(
    lambda found, system: said(*(text for turn in found for text in turn), system=system), turns, st.none() | texts
)


@pytest.mark.parametrize("name", READERS)
@settings(deadline=None)
@given(rows=st.lists(conversations, min_size=1, max_size=5))
def test_conversations_in_turns_come_back_as_they_were(tmp_path_factory, name, rows):
    assert READERS[name](exported(tmp_path_factory.mktemp("e") / "in.jsonl", name, *rows)) == rows


def test_parquet_holds_everything(tmp_path):
    assert from_parquet(exported(tmp_path / "in", "parquet", FULL, said("a", "b"))) == [FULL, said("a", "b")]


def test_alpaca_is_read_back_whole_though_only_its_last_row_has_a_history(tmp_path):
    rows = [*(said(f"Question {n}", f"Answer {n}") for n in range(300)), said("a", "b", "c", "d", system="Be kind.")]
    (tmp_path / "alpaca.jsonl").write_bytes(exported(tmp_path / "in", "alpaca", *rows))
    with ExampleWriter(tmp_path) as sink:
        analyze(tmp_path / "alpaca.jsonl", sink=sink)
    read = [json.loads(line) for line in (tmp_path / "examples.jsonl").read_bytes().splitlines()]
    assert read == rows


def test_jsonl_is_the_canonical_lines(tmp_path):
    with ExampleWriter(tmp_path) as sink:
        analyze(sample_path(), sink=sink)
    target = io.BytesIO()
    export(tmp_path / "examples.jsonl", find_format("jsonl"), target)
    assert target.getvalue() == (tmp_path / "examples.jsonl").read_bytes()


def test_parquet_is_written_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "_BATCH_ROWS", 4)
    content = exported(tmp_path / "in", "parquet", *(said(f"q{n}", "a") for n in range(10)))
    assert pq.ParquetFile(io.BytesIO(content)).num_row_groups == 3
    assert len(from_parquet(content)) == 10


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [
        ("sharegpt", FULL, "tools"),
        ("alpaca", FULL, "tools"),
        ("sharegpt", {"messages": [{**message, "weight": 1} for message in said("a", "b")["messages"]]}, "weights"),
        ("alpaca", {"messages": [{**message, "name": "x"} for message in said("a", "b")["messages"]]}, "names"),
        ("alpaca", said("a", "b", "c"), "in turns"),
        ("alpaca", {"messages": said("a", "b")["messages"][1:]}, "in turns"),
        ("alpaca", said(system="s"), "in turns"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_with_the_first_row_and_how_many(tmp_path, name, row, reason):
    with pytest.raises(Problem, match=reason) as caught:
        exported(tmp_path / "in", name, said("a", "b"), row, row)
    assert caught.value.code == "not_expressible"
    assert "2 of the rows: row 2" in caught.value.message
    assert caught.value.details == {"rows": 2}


def test_an_unknown_format_is_named_with_the_known_ones():
    with pytest.raises(Problem, match=", ".join(FORMATS)) as caught:
        find_format("xml")
    assert caught.value.code == "unknown_format"


# System prompts are rare in Alpaca, and histories stand where they are needed: what the analysis reads must not depend
# on which rows come first.
PLAIN = [
    said("Where is it?", "At the pier."),
    said("And the other?", "In the shed.", "Sure?", "Yes.", system="Be brief."),
    said("[1, 2]", '{"a": 1}'),
]


@pytest.mark.parametrize(
    ("name", "rows"),
    [("jsonl", [*PLAIN, FULL]), ("parquet", [*PLAIN, FULL]), ("sharegpt", PLAIN), ("alpaca", PLAIN)],
    ids=["jsonl", "parquet", "sharegpt", "alpaca"],
)
def test_the_analysis_reads_an_export_as_the_same_rows(tmp_path, name, rows):
    source = tmp_path / "rows.jsonl"
    content = exported(source, name, *rows)
    again = analyze(io.BytesIO(content), name=f"again{find_format(name).suffix}")
    assert (again.total_examples, again.invalid_lines.count) == (len(rows), 0)
    assert again.sha256 == analyze(source).sha256
