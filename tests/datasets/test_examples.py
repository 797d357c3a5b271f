"""Examples on disk: written once, read by pages."""

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.datasets import Example, Examples, ExampleWriter, OpenAITokenizer, analyze, examples
from webapp.datasets.examples import LINES
from webapp.errors import Problem


def line(number: int, text: str = "Answer") -> str:
    messages = [{"role": "user", "content": f"Ask {number}"}, {"role": "assistant", "content": text}]
    return json.dumps({"messages": messages})


def write(sink: ExampleWriter, *lines: str) -> None:
    encoded = [f"{one}\n".encode() for one in lines]
    ones = np.ones(len(encoded), np.uint32)
    sink.write(b"".join(encoded), np.array([len(one) for one in encoded], np.uint32), ones, ones)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 examples on the even lines of a file, a bad line before each."""
    folder = tmp_path_factory.mktemp("examples")
    source = folder / "data.jsonl"
    source.write_text("".join(f"bad\n{line(number)}\n" for number in range(25)))
    with ExampleWriter(folder / "out") as sink:
        analyze(source, sink=sink)
    return folder / "out"


def test_an_example_knows_its_index_its_line_and_its_tokens(folder: Path) -> None:
    assert Examples(folder).page(2, 3)[0] == Example(
        index=3,
        line=8,
        token_count=len(OpenAITokenizer().encode(["Ask 3", "Answer"]).ids),
        messages=[{"role": "user", "content": "Ask 3"}, {"role": "assistant", "content": "Answer"}],
    )


def test_tools_are_kept(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "look_up"}}]
    (tmp_path / "data.jsonl").write_text(json.dumps({**json.loads(line(1)), "tools": tools}))
    with ExampleWriter(tmp_path) as sink:
        analyze(tmp_path / "data.jsonl", sink=sink)
    assert Examples(tmp_path).page(1, 1)[0].tools == tools


@given(page=st.integers(1, 40), page_size=st.integers(1, 40))
def test_a_page_is_a_slice_of_all(folder: Path, page: int, page_size: int) -> None:
    stored = Examples(folder)
    everything = list(stored.conversations())
    expected = list(enumerate(everything))[(page - 1) * page_size : page * page_size]
    assert [(one.index, {"messages": one.messages}) for one in stored.page(page, page_size)] == expected


def test_a_sample_is_some_of_all_in_order_and_the_same_each_time(folder: Path) -> None:
    stored = Examples(folder)
    everything = list(stored.conversations())
    sample = stored.sample(10)
    places = [everything.index(one) for one in sample]
    assert len(set(places)) == 10
    assert places == sorted(places) != list(range(10))
    assert sample == stored.sample(10)
    assert all(one in stored.sample(11) for one in sample)
    assert stored.sample(100) == everything
    assert stored.sample(100, [3, 1]) == [everything[1], everything[3]]
    assert all(one in everything[10:20] for one in stored.sample(5, range(10, 20)))


def test_pages_past_the_end_are_empty_however_far(folder: Path) -> None:
    stored = Examples(folder)
    assert len(stored) == 25
    assert stored.page(10**30, 10**30) == stored.page(26, 1) == []
    assert len(stored.page(1, 10**9)) == 25


def test_what_is_read_at_once_is_bounded_but_never_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = Examples(folder)
    size = max(map(len, (folder / LINES).read_bytes().splitlines(keepends=True)))
    monkeypatch.setattr(examples, "MOST_BYTES", 3 * size)
    assert [one.index for one in stored.page(1, 25)] == [0, 1, 2]
    assert [one.index for one in stored.following(3, 2)] == [3, 4]
    assert [one.index for one in stored.at([7, 5, 6, 4])] == [7, 5, 6]
    monkeypatch.setattr(examples, "MOST_BYTES", 1)
    assert [one.index for one in stored.page(1, 25)] == [0]


@pytest.mark.parametrize(("page", "page_size", "param"), [(0, 5, "page"), (-1, 5, "page"), (1, 0, "page_size")])
def test_a_page_that_cannot_be_is_a_problem(folder: Path, page: int, page_size: int, param: str) -> None:
    with pytest.raises(Problem) as caught:
        Examples(folder).page(page, page_size)
    assert (caught.value.code, caught.value.param) == ("invalid_page", param)


def test_the_digest_the_lines_and_the_payload_are_the_same_bytes(folder: Path) -> None:
    report = analyze(folder.parent / "data.jsonl")
    written = (folder / "examples.jsonl").read_bytes()
    assert gzip.decompress(Examples(folder).payload().read_bytes()) == written
    assert hashlib.sha256(written).hexdigest() == report.sha256


def test_the_same_examples_give_the_same_payload(folder: Path, tmp_path: Path) -> None:
    with ExampleWriter(tmp_path) as sink:
        analyze(folder.parent / "data.jsonl", sink=sink)
    first = Examples(tmp_path).payload()
    assert first.read_bytes() == Examples(folder).payload().read_bytes()
    assert b"examples" not in first.read_bytes()[:20]


def test_the_payload_is_made_once_and_anew_for_new_examples(tmp_path: Path) -> None:
    for count in (1, 2):
        with ExampleWriter(tmp_path) as sink:
            write(sink, *(line(number) for number in range(count)))
        made = Examples(tmp_path).payload().stat()
        assert Examples(tmp_path).payload().stat().st_mtime_ns == made.st_mtime_ns
        assert gzip.decompress((tmp_path / "examples.jsonl.gz").read_bytes()).count(b"\n") == count
    names = ["examples.jsonl", "examples.jsonl.gz", "index.npy", "invalid.npy", "refused.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_writing_again_replaces_everything(tmp_path: Path) -> None:
    for count in (3, 1):
        with ExampleWriter(tmp_path) as sink:
            for number in range(count):
                write(sink, line(number))
    assert len(Examples(tmp_path)) == len(list(Examples(tmp_path).conversations())) == 1


def test_nothing_is_left_of_a_failed_run(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="empty"), ExampleWriter(tmp_path) as sink:
        analyze(Path("/dev/null"), sink=sink)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        Examples(tmp_path)


def test_what_is_known_of_each_example_is_kept_beside_it(tmp_path: Path) -> None:
    rows = [line(1), "bad", line(2, "Dear [NAME], hello"), line(1), "", "{}", line(1)]
    (tmp_path / "data.jsonl").write_text("\n".join(rows))
    with ExampleWriter(tmp_path) as sink:
        report = analyze(tmp_path / "data.jsonl", sink=sink)
    stored = Examples(tmp_path)
    assert stored.column("line").tolist() == [1, 3, 4, 7]
    assert stored.column("tokens").sum() == report.total_tokens
    assert stored.column("exact").tolist() == [0, 1, 0, 0]
    assert stored.column("near").tolist() == [0, 1, 2, 3]
    assert stored.marked().lines("exact_duplicates").tolist() == [4, 7]
    assert stored.marked().lines("placeholders").tolist() == [3]
    assert stored.invalid_lines().tolist() == [2, 6]


def test_without_annotations_every_example_is_alone_and_unmarked(tmp_path: Path) -> None:
    with ExampleWriter(tmp_path) as sink:
        write(sink, line(1), line(1))
    stored = Examples(tmp_path)
    assert stored.column("exact").tolist() == stored.column("near").tolist() == [0, 1]
    assert stored.marked().count("exact_duplicates") == len(stored.invalid_lines()) == 0


def test_line_separators_inside_a_text_do_not_split_it(tmp_path: Path) -> None:
    text = "a\u2028b\u2029c\u0085d\x1ee"
    (tmp_path / "data.jsonl").write_text(line(1, text))
    with ExampleWriter(tmp_path) as sink:
        analyze(tmp_path / "data.jsonl", sink=sink)
    (conversation,) = Examples(tmp_path).conversations()
    assert conversation["messages"][1]["content"] == text
