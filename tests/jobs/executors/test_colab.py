"""Notebooks on Colab, through a stand-in for Google's tool that runs them in real kernels of this machine."""

import json
import os
import signal
import threading

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.jobs.executors.installing import install_stand_in
from webapp.errors import Problem
from webapp.jobs import Remote, scrubbed_environment
from webapp.jobs.executors import colab, colab_tool, parcel
from webapp.jobs.executors.colab import ColabOrder, end_session, execute_on_colab
from webapp.jobs.executors.colab_tool import ColabTool
from webapp.jobs.family import MARK

pytestmark = pytest.mark.timeout(90)

RESULTS = "tunebook-run"
WRITES = (
    f"from pathlib import Path\nPath('{RESULTS}/model').mkdir(parents=True, exist_ok=True)\n"
    f"Path('{RESULTS}/report.json').write_text('{{}}'); Path('{RESULTS}/model/adapter').write_bytes(bytes(1000))\n"
    "print('step 1/2  epoch 0.50  loss 2.0'); print('step 2/2  epoch 1.00  loss 1.0')"
)
CHECKPOINT = f"c = Path('{RESULTS}/checkpoints/a/state-7.pt'); c.parent.mkdir(parents=True); c.write_text('seven')"


class Bench:
    """A folder, the stand-in with its machines, and what runs tell."""

    def __init__(self, folder):
        self.folder, self.machines, self.work = folder, folder / "machines", folder / "work"
        self.program = install_stand_in(folder, self.machines)
        self.noted, self.events = [], []

    @property
    def tool(self):
        return ColabTool(str(self.program), self.folder / "sessions.json", scrubbed_environment(os.environ))

    def fails(self, **what):
        (self.machines / "fails.json").write_text(json.dumps(what))

    def note(self, name):
        self.noted.append((name, self.sessions()))

    def run(self, *sources, timeout=60, cancelled=lambda: False, earlier=None, name="tunebook-1", **order):
        cells = [
            new_markdown_cell("Hello"),
            *(new_code_cell(one, metadata={"tags": [f"t{len(one)}"]}) for one in sources),
        ]
        nbformat.write(new_notebook(cells=cells), self.folder / "n.ipynb")
        return execute_on_colab(
            ColabOrder(self.folder / "n.ipynb", "T4", RESULTS, **order),
            self.tool,
            workdir=self.work,
            output=self.work / "executed.ipynb",
            timeout=timeout,
            on_event=self.events.append,
            cancelled=cancelled,
            remote=Remote(name, earlier, self.note),
        )

    def sessions(self):
        path = self.folder / "sessions.json"
        return list(json.loads(path.read_text())) if path.exists() else []

    def calls(self):
        lines = (self.machines / "calls.jsonl").read_text().splitlines()
        return [json.loads(line)["arguments"][2:] for line in lines]

    def told(self, kind):
        return [event.data for event in self.events if event.type == kind]

    def printed(self, kind="stdout"):
        return "".join(
            data["text"] for data in self.told("stream") if data["name"] == kind and data["cell"] is not None
        )

    def outputs(self):
        notebook = nbformat.read(self.work / "executed.ipynb", as_version=4)
        return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]

    def kernels(self):
        return [
            p.pid for p in psutil.process_iter(["cmdline"]) if str(self.machines) in " ".join(p.info["cmdline"] or [])
        ]


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    left = made.kernels()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


def test_a_run_is_told_as_it_goes_and_everything_comes_back(bench):
    sources = ("x = 1", WRITES, "display({'text/plain': 'a picture'}, raw=True); x + 1")
    execution = bench.run(*sources)
    assert (execution.status, execution.cells_total, execution.cells_executed) == ("completed", 3, 3)
    assert execution.error is None
    assert bench.printed() == "step 1/2  epoch 0.50  loss 2.0\nstep 2/2  epoch 1.00  loss 1.0\n"
    assert bench.told("metrics")[1] == {"step": 2, "total_steps": 2, "epoch": 1.0, "loss": 1.0}
    places = [{"cell": cell, "total": 3, "tag": f"t{len(source)}"} for cell, source in enumerate(sources)]
    assert bench.told("cell_started") == places
    assert [data["ok"] for data in bench.told("cell_finished")] == [True] * 3
    assert [data["data"]["text/plain"] for data in bench.told("display")] == ["a picture", "2"]
    assert [len(outputs) for outputs in bench.outputs()] == [0, 1, 2]
    assert (bench.work / RESULTS / "report.json").read_text() == "{}"
    assert (bench.work / RESULTS / "model" / "adapter").stat().st_size == 1000
    # Its name is known before it is there, and forgotten when it has gone.
    assert bench.noted == [("tunebook-1", []), (None, [])]
    assert bench.calls()[0] == ["new", "-s", "tunebook-1", "--gpu", "T4"]
    assert bench.calls()[-1] == ["stop", "-s", "tunebook-1"]


def test_the_tool_sees_no_secret_and_no_python_of_ours(bench, monkeypatch):
    for name in ("HF_TOKEN", "DATABASE_URL", "TUNEBOOK_SECRET_KEY", "PYTHONPATH"):
        monkeypatch.setenv(name, "x")
    bench.tool.alive("nothing")
    seen = json.loads((bench.machines / "calls.jsonl").read_text())["environment"]
    assert "HOME" in seen
    assert not {"HF_TOKEN", "DATABASE_URL", "TUNEBOOK_SECRET_KEY", "PYTHONPATH"} & set(seen)


def test_what_makes_or_ends_a_session_is_not_ended_with_the_attempt(bench, monkeypatch):
    monkeypatch.setenv(MARK, "a/1")
    bench.tool.alive("nothing")
    bench.tool.stop("nothing")
    lines = (bench.machines / "calls.jsonl").read_text().splitlines()
    assert [MARK in json.loads(line)["environment"] for line in lines] == [True, False]


def test_no_cell_runs_after_one_that_failed(bench):
    execution = bench.run(WRITES, "1 / 0", "Path('never').write_text('')", "print('never')")
    assert (execution.status, execution.cells_executed) == ("failed", 1)
    assert {name: execution.error[name] for name in ("code", "cell", "tag", "ename", "evalue")} == {
        "code": "cell_failed",
        "cell": 1,
        "tag": "t5",
        "ename": "ZeroDivisionError",
        "evalue": "division by zero",
    }
    assert "never" not in bench.printed()
    assert [data["ok"] for data in bench.told("cell_finished")] == [True, False]
    assert (bench.work / RESULTS / "report.json").exists()
    assert bench.sessions() == []


def test_rows_that_are_a_file_go_along_and_drive_is_mounted_before_and_for_the_results(bench):
    (bench.folder / "rows.gz").write_bytes(b"rows")
    rows = (bench.folder / "rows.gz", "n.data.gz")
    execution = bench.run("print(open('n.data.gz').read())", rows=rows, on_drive=True)
    assert (execution.status, bench.printed()) == ("completed", "rows\n")
    done = [call[0] for call in bench.calls()]
    assert done == ["new", "upload", "drivemount", "exec", "drivemount", "exec", "stop"]


@pytest.mark.parametrize(
    ("why", "code", "word"),
    [
        ("login", "colab_not_logged_in", "signed in"),
        ("quota", "colab_quota", "limit"),
        ("card", "colab_gpu_refused", "may not have that card"),
        ("none free", "colab_no_gpu", "free now"),
        ("other", "colab_failed", "something nobody foresaw"),
    ],
)
def test_a_session_that_is_refused_says_why(bench, why, code, word):
    bench.fails(new=why)
    with pytest.raises(Problem, match=word) as caught:
        bench.run("print('never')")
    assert (caught.value.code, caught.value.exit_code) == (code, 3)
    assert bench.noted[-1] == (None, [])


def test_a_tool_of_another_version_is_named(bench):
    bench.fails(old=True)
    with pytest.raises(Problem, match="update it") as caught:
        bench.run("print('never')")
    assert caught.value.code == "colab_version"


def test_without_the_tool_its_installation_is_told(tmp_path):
    with pytest.raises(Problem, match="uv tool install google-colab-cli") as caught:
        ColabTool("no-such-colab", tmp_path / "sessions.json", os.environ)
    assert caught.value.code == "colab_not_installed"


def test_a_machine_that_is_lost_in_the_middle_fails_the_run_there(bench):
    bench.fails(exec=[1, "lost"])
    execution = bench.run("print('first')", WRITES, "print('never')")
    assert (execution.status, execution.cells_executed) == ("failed", 1)
    assert (execution.error["code"], execution.error["cell"]) == ("colab_dropped", 1)
    assert "machine was lost in cell 2 of 3" in execution.error["message"]
    assert bench.outputs()[0][0].text == "first\n"
    assert bench.outputs()[1][0].text == "the last words\n"
    assert bench.noted[-1] == (None, [])


def test_after_a_lost_connection_the_checkpoints_come_back_and_the_next_attempt_takes_them_along(bench):
    bench.fails(exec=[2, "cut"])
    execution = bench.run(WRITES, CHECKPOINT, "print('never')")
    assert execution.error["code"] == "colab_dropped"
    assert (bench.work / RESULTS / "checkpoints" / "a" / "state-7.pt").read_text() == "seven"
    assert bench.sessions() == []
    again = bench.run(f"print(open('{RESULTS}/checkpoints/a/state-7.pt').read())", name="tunebook-2")
    assert again.status == "completed"
    assert bench.printed().endswith("seven\n")


@pytest.mark.parametrize("on_drive", [False, True])
def test_a_run_whose_results_do_not_all_come_back_says_which_are_lost(bench, monkeypatch, on_drive):
    monkeypatch.setattr(parcel, "MOST_BYTES", 1500)
    merged = f"m = Path('{RESULTS}/merged/model'); m.parent.mkdir(); m.write_bytes(bytes(900))"
    execution = bench.run(WRITES, merged, on_drive=on_drive)
    assert (bench.work / RESULTS / "model" / "adapter").exists()
    if on_drive:
        assert (execution.status, execution.error) == ("completed", None)
    else:
        assert (execution.status, execution.error["code"]) == ("failed", "results_too_large")
        assert "machine: merged/model. Make the notebook with keep_on_drive" in execution.error["message"]


def test_a_cancelled_run_ends_its_session(bench):
    execution = bench.run(
        "import time; print('on', flush=True); time.sleep(60)", "1", cancelled=lambda: "on" in bench.printed()
    )
    assert (execution.status, execution.error["code"]) == ("cancelled", "cancelled")
    assert execution.seconds < 20
    assert (bench.sessions(), bench.noted[-1]) == ([], (None, []))
    assert bench.outputs()[0][0].text == "on\n"


def test_a_run_out_of_time_brings_back_what_there_is(bench):
    execution = bench.run(WRITES, "import time; time.sleep(60)", timeout=6)
    assert (execution.status, execution.error["code"], execution.error["cell"]) == ("failed", "timed_out", 1)
    assert (bench.work / RESULTS / "report.json").exists()
    assert bench.sessions() == []


def test_a_session_that_cannot_be_ended_stays_noted_and_is_ended_first_by_the_next_attempt(bench):
    bench.fails(stop=True)
    execution = bench.run("print(1)")
    assert (execution.status, bench.sessions()) == ("completed", ["tunebook-1"])
    assert bench.noted == [("tunebook-1", [])]
    (bench.machines / "fails.json").unlink()
    before = len(bench.calls())
    bench.run("print(1)", name="tunebook-2", earlier="tunebook-1")
    assert [call[:3] for call in bench.calls()[before:][:2]] == [
        ["stop", "-s", "tunebook-1"],
        ["new", "-s", "tunebook-2"],
    ]
    assert bench.sessions() == []


def test_a_session_in_the_making_is_waited_for(bench, monkeypatch):
    monkeypatch.setattr(colab, "_PAUSES", (0.0, 1.0, 1.0, 1.0))
    late = threading.Timer(0.3, lambda: bench.tool.new("tunebook-9", "T4"))
    late.start()
    end_session(bench.tool, "tunebook-9")
    late.join()
    assert bench.sessions() == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of the process that is left alone
def test_a_session_that_comes_after_nobody_waits_for_it_any_more_stays_noted(bench, monkeypatch):
    monkeypatch.setattr(colab_tool, "_NEW_SECONDS", 0.3)
    bench.fails(slow=2)
    with pytest.raises(Problem, match="gave no answer"):
        bench.run("print('never')")
    assert bench.noted == [("tunebook-1", [])]
    monkeypatch.setattr(colab, "_PAUSES", (0.0, *[0.5] * 20))
    assert end_session(bench.tool, "tunebook-1")
    monkeypatch.setattr(colab, "_PAUSES", (0.0,))
    assert not end_session(bench.tool, "tunebook-1")


def test_nothing_is_made_when_the_run_is_no_longer_ours(bench):
    class Lost(BaseException):
        pass

    def note(_):
        raise Lost

    bench.note = note
    with pytest.raises(Lost):
        bench.run("print(1)")
    assert not (bench.machines / "calls.jsonl").exists()


def test_drive_that_nobody_has_allowed_is_said_before_anything_runs(bench):
    bench.fails(drivemount=True)
    with pytest.raises(Problem, match=r"https://accounts\.example/drive") as caught:
        bench.run("print('never')", on_drive=True)
    assert caught.value.code == "colab_drive_refused"
    assert bench.sessions() == []
