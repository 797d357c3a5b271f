"""Where blocks are examined makes no difference to the report, nor to what is written beside it."""

import io
import multiprocessing
import pickle
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec
import pytest

from tests.datasets.lines import ANSWER, GOOD, USER, answer_with, asked, line, ordered
from webapp.datasets import ExampleWriter, TokenBatch, analyze, engines, reading
from webapp.datasets.engines import Engine, in_processes, in_this_process, on_ray
from webapp.errors import Problem

# Everything that a report can tell, several times and in an order that blocks cut anywhere.
ODD = [
    GOOD,
    b"bad",
    b"",
    b'{"messages": [{}, {}]}',
    ordered("suctau"),
    line(USER, ANSWER, id=7),
    line({"role": "developer", "content": "Be kind."}, USER, ANSWER),
    answer_with(content="Mail anna@lind.se, dear [NAME]"),
    answer_with(content="Das ist schÃ¶n."),
    b"\xff\xfe bad",
    asked("Wo ist das Fahrrad, das ich gestern am Hafen geliehen habe?", "Es steht noch am Hafen, gleich am Tor."),
    asked("word " * 5000, "That was long."),
]
DIRTY = b"\r\n".join(
    [
        *(one for number in range(40) for one in (*ODD, asked(f"Where is bike {number % 30}?", f"At gate {number}."))),
        GOOD.replace(b"Hello", b"x" * (reading.MAX_LINE_BYTES + 1)),
        *ODD,
    ]
)
OTHER = b"\n".join([ODD[7], asked("Something else?", "Nothing else."), b"bad"])


def report(engine: Engine, folder: Path) -> tuple[bytes, dict[str, bytes]]:
    """The report as bytes, and the files of the examples."""
    with ExampleWriter(folder) as sink:
        found = analyze(io.BytesIO(DIRTY), validation=io.BytesIO(OTHER), engine=engine, sink=sink)
    return msgspec.json.encode(found), {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 32 * 1024)


@pytest.fixture
def expected(tmp_path: Path) -> tuple[bytes, dict[str, bytes]]:
    return report(in_this_process, tmp_path / "expected")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray = pytest.importorskip("ray")
    yield
    assert not ray.is_initialized()


def test_the_dirty_file_has_everything() -> None:
    found = analyze(io.BytesIO(DIRTY), validation=io.BytesIO(OTHER))
    codes = {issue.code for issue in found.quality_issues}
    assert {"invalid_lines", "exact_duplicates", "conflicts", "leakage", "long_examples", "personal_data"} <= codes
    assert len(found.languages.shares) >= 2
    assert {item.code for item in found.invalid_lines.items} >= {"invalid_json", "not_utf8", "message_missing_key"}


def test_processes_give_the_same_bytes(
    small_blocks: None, expected: tuple[bytes, dict[str, bytes]], tmp_path: Path
) -> None:
    assert report(in_processes(2), tmp_path / "found") == expected
    assert no_process_is_left()


@pytest.mark.ray
@pytest.mark.usefixtures("cluster")
def test_ray_gives_the_same_bytes(small_blocks: None, expected: tuple[bytes, dict[str, bytes]], tmp_path: Path) -> None:
    assert report(on_ray("local"), tmp_path / "found") == expected


@pytest.mark.parametrize("size", [1024, 64 * 1024])
def test_the_size_of_a_block_makes_no_difference(
    size: int, expected: tuple[bytes, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", size)
    assert report(in_this_process, tmp_path / "found") == expected


def no_process_is_left() -> bool:
    """Whether all end in 20 seconds; nobody waits for them."""
    for _ in range(200):
        if not multiprocessing.active_children():
            return True
        time.sleep(0.1)
    return False


def test_ctrl_c_is_for_the_process_that_the_person_started() -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=engines._follow_parent) as pool:
        assert pool.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN
        assert pool.submit(signal.getsignal, signal.SIGTERM).result() == signal.SIG_DFL


class Stopped(Exception):
    """Raised to end an analysis."""


@pytest.mark.usefixtures("small_blocks")
def test_progress_that_raises_ends_the_analysis_at_once_and_leaves_no_process(tmp_path: Path) -> None:
    shares: list[float] = []
    began = 0.0

    def stop(share: float) -> None:
        nonlocal began
        shares.append(share)
        began = time.monotonic()
        raise Stopped

    with pytest.raises(Stopped), ExampleWriter(tmp_path) as sink:
        analyze(io.BytesIO(DIRTY * 8), engine=in_processes(2), sink=sink, progress=stop)
    assert time.monotonic() - began < 10
    assert len(shares) == 1
    assert shares[0] < 0.1
    assert no_process_is_left()
    assert list(tmp_path.iterdir()) == []


class Broken:
    """A tokenizer that cannot."""

    name = "broken"
    reference = None

    def encode(self, texts: list[str]) -> TokenBatch:  # noqa: ARG002
        raise Problem("broken", "This tokenizer cannot.")


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("engine", [in_this_process, in_processes(2)], ids=["this process", "two"])
def test_a_problem_in_a_block_is_the_analysis_s(engine: Engine) -> None:
    with pytest.raises(Problem) as caught:
        analyze(io.BytesIO(DIRTY), tokenizer=Broken(), engine=engine)
    assert (caught.value.code, caught.value.message) == ("broken", "This tokenizer cannot.")
    assert no_process_is_left()


def test_a_tokenizer_that_cannot_travel_is_refused_before_the_work() -> None:
    class Local(Broken):
        """Has no name under which another process could find it."""

    with pytest.raises((AttributeError, pickle.PicklingError)):
        analyze(io.BytesIO(DIRTY), tokenizer=Local(), engine=in_processes(2))
    assert no_process_is_left()


def test_only_a_bounded_number_of_blocks_is_under_way() -> None:
    submitted: list[int] = []
    finished: list[int] = []

    def submit(block: int) -> int:
        submitted.append(block)
        assert len(submitted) - len(finished) <= 4
        return block

    def result(handle: int) -> int:
        finished.append(handle)
        return handle

    in_order = engines._in_order(range(20), submit=submit, result=result, ahead=4)  # type: ignore[arg-type, misc]
    assert list(in_order) == submitted == finished == list(range(20))  # type: ignore[comparison-overlap]


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(Problem) as caught:
        analyze(io.BytesIO(GOOD), engine=on_ray())
    assert (caught.value.code, caught.value.exit_code) == ("ray_not_installed", 3)
    assert "tunebook[ray]" in caught.value.message


@pytest.mark.ray
@pytest.mark.timeout(60)
@pytest.mark.usefixtures("cluster")
def test_without_a_cluster_ray_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(Problem) as caught:
        analyze(io.BytesIO(GOOD), engine=on_ray())
    assert (caught.value.code, caught.value.exit_code) == ("ray_not_reachable", 3)
    assert "ray start --head" in caught.value.message


def test_a_single_line_needs_no_more_than_any_other() -> None:
    assert analyze(io.BytesIO(GOOD), engine=in_processes(2)) == analyze(io.BytesIO(GOOD))
