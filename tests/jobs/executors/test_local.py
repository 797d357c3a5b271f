"""Notebooks in real kernels: what is told while they run, how they end, and that no kernel stays behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.conftest import started_with
from webapp.errors import Problem
from webapp.jobs import scrubbed_environment
from webapp.jobs.executors import Execution, execute, local

pytestmark = pytest.mark.timeout(60)

# A cell that says which process the kernel is.
PID = "import os; from pathlib import Path; _ = Path('pid').write_text(str(os.getpid()))"
STUBBORN = """
import time
while True:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        print("not me", flush=True)
"""


class Bench:
    """A folder with one notebook, and what its run tells."""

    def __init__(self, folder: Path) -> None:
        self.notebook, self.output, self.work = folder / "n.ipynb", folder / "executed.ipynb", folder / "work"
        self.events = []

    def write(self, *sources: str) -> None:
        parameters = new_code_cell("steps = 1", metadata={"tags": ["parameters"]})
        cells = [new_markdown_cell("# A title"), parameters, new_code_cell(" "), *map(new_code_cell, sources)]
        nbformat.write(new_notebook(cells=cells), self.notebook)

    def run(self, *sources: str, **options: object) -> Execution:
        self.write(*sources)
        usual = {"parameters": {}, "timeout": 40, "environment": scrubbed_environment(os.environ)}
        usual |= {"workdir": self.work, "output": self.output, "on_event": self.events.append}
        return execute(self.notebook, **(usual | options))

    def told(self, kind: str) -> list[dict]:
        return [event.data for event in self.events if event.type == kind]

    def printed(self) -> str:
        return "".join(data["text"] for data in self.told("stream"))

    def executed(self) -> nbformat.NotebookNode:
        return nbformat.read(self.output, as_version=4)

    def kernel(self) -> psutil.Process | None:
        """The kernel, once its PID cell has run."""
        path = self.work / "pid"
        return psutil.Process(int(path.read_text())) if path.exists() and path.read_text() else None


@pytest.fixture
def bench(tmp_path):
    threads = threading.active_count()
    yield Bench(tmp_path)
    assert started_with("ipykernel_launcher") == []
    assert threading.active_count() == threads


def test_a_run_completes_and_is_saved(bench):
    execution = bench.run("print('hello')", "6 * 7")
    assert (execution.status, execution.cells_total, execution.cells_executed, execution.error) == (
        "completed",
        3,
        3,
        None,
    )
    assert execution.seconds > 0
    outputs = [cell.outputs for cell in bench.executed().cells if cell.cell_type == "code"]
    assert outputs[-2][0].text == "hello\n"
    assert outputs[-1][0].data["text/plain"] == "42"
    nbformat.validate(bench.executed())


def test_what_happens_is_told_while_it_happens(bench):
    source = "from IPython.display import display\nhandle = display('one', display_id='bar')\nhandle.update('two')"
    bench.run("print('hello')", source)
    places = [{"cell": cell, "total": 3, "tag": tag} for cell, tag in enumerate(["parameters", None, None])]
    assert bench.told("cell_started") == places
    assert bench.told("cell_finished") == [place | {"ok": True} for place in places]
    assert bench.told("stream") == [{"cell": 1, "name": "stdout", "text": "hello\n"}]
    first, second = bench.told("display")
    assert (first["display_id"], first["update"], first["data"]) == ("bar", False, {"text/plain": "'one'"})
    assert (second["display_id"], second["update"], second["data"]) == ("bar", True, {"text/plain": "'two'"})


def test_output_is_told_before_its_cell_has_ended(bench):
    begun = []

    def listen(event):
        begun.append((event.type, time.monotonic()))

    bench.run("import time; print('now', flush=True); time.sleep(1)", on_event=listen)
    (printed,) = [at for kind, at in begun if kind == "stream"]
    assert begun[-1][1] - printed > 0.8


def test_parameters_reach_the_kernel(bench):
    bench.run("print(steps, names)", parameters={"steps": 7, "names": ["it's", None, True, 0.5]})
    assert bench.printed() == """7 ["it's", None, True, 0.5]\n"""
    assert bench.executed().cells[2].metadata.tags == ["injected-parameters"]


def test_it_runs_in_its_folder_with_this_python_and_the_given_environment_only(bench, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    monkeypatch.setenv("ONLY_HERE", "x")
    environment = {"PATH": os.environ["PATH"], "GIVEN": "yes"}
    source = """
        import os, sys
        seen = [os.environ.get(name) for name in ("GIVEN", "ONLY_HERE", "OPENAI_API_KEY")]
        print(os.getcwd(), sys.executable, *seen)
    """
    bench.run(source, environment=environment)
    assert bench.printed().split() == [str(bench.work), sys.executable, "yes", "None", "None"]


def test_kernels_installed_elsewhere_do_not_matter(bench, tmp_path, monkeypatch):
    other = tmp_path / "kernels" / "python3"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "broken", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert bench.run("1").status == "completed"


def test_a_failing_cell_is_named_with_a_plain_traceback(bench):
    execution = bench.run("print('before')", "raise ValueError('no such row')", "print('never')")
    assert (execution.status, execution.cells_executed) == ("failed", 2)
    error = execution.error
    assert (error["code"], error["cell"], error["ename"], error["evalue"]) == (
        "cell_failed",
        2,
        "ValueError",
        "no such row",
    )
    assert error["message"] == "ValueError in cell 3 of 4: no such row"
    assert error["tag"] is None
    assert "raise ValueError" in error["traceback"]
    assert "\x1b" not in error["traceback"]
    assert bench.told("cell_finished")[-1] == {"cell": 2, "total": 4, "tag": None, "ok": False}
    assert "never" not in bench.printed()
    assert bench.executed().cells[-2].outputs[0].ename == "ValueError"


def test_a_killed_kernel_is_told_and_earlier_output_kept(bench):
    execution = bench.run("print('before')", "import os; os.kill(os.getpid(), 9)")
    assert (execution.status, execution.error["code"], execution.error["cell"]) == (
        "failed",
        "kernel_died",
        2,
    )
    assert "signal 9 (SIGKILL)" in execution.error["message"]
    assert "before" in str(bench.executed().cells)


def test_a_kernel_that_leaves_is_told_with_its_exit_status(bench):
    execution = bench.run("import os; os._exit(3)")
    assert (execution.error["code"], "exit status 3" in execution.error["message"]) == ("kernel_died", True)


def test_a_kernel_that_does_not_start_is_told(bench, tmp_path):
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit(5)")
    execution = bench.run("1", environment={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)})
    assert (execution.status, execution.error["code"], execution.error["cell"]) == (
        "failed",
        "kernel_died",
        None,
    )


def test_the_deadline_is_for_the_whole_run_and_keeps_what_was_printed(bench):
    execution = bench.run("print('before')", "import time; time.sleep(60)", timeout=2)
    assert (execution.status, execution.error["code"], execution.error["cell"]) == ("failed", "timed_out", 2)
    assert execution.seconds < 4
    assert bench.executed().cells[-1].outputs[0].ename == "KeyboardInterrupt"
    assert "before" in bench.printed()


def test_a_cell_that_swallows_the_interrupt_is_ended_all_the_same(bench, monkeypatch):
    monkeypatch.setattr(local, "GRACE_SECONDS", 1.0)
    execution = bench.run(PID, STUBBORN, timeout=2)
    assert (execution.status, execution.error["code"]) == ("failed", "timed_out")
    assert execution.seconds < 8
    assert "not me" in bench.printed()


def test_no_further_cell_starts_after_the_interrupt(bench):
    swallows = "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('swallowed')"
    execution = bench.run(swallows, "print('never')", timeout=2)
    assert execution.error["code"] == "timed_out"
    assert "swallowed" in bench.printed()
    assert "never" not in bench.printed()


def test_a_run_can_be_cancelled(bench):
    execution = bench.run(PID, "import time; time.sleep(60)", cancelled=lambda: bench.kernel() is not None)
    assert (execution.status, execution.error["code"]) == ("cancelled", "cancelled")
    assert execution.seconds < 10


def test_a_run_can_be_cancelled_before_its_kernel_is_up(bench):
    event = threading.Event()
    event.set()
    execution = bench.run("print('never')", cancelled=event.is_set)
    assert (execution.status, execution.cells_executed, bench.printed()) == ("cancelled", 0, "")


def test_a_cell_waits_until_it_is_ready(bench):
    asked = []

    def ready(tags):
        asked.append(tags)
        return len(asked) > 3

    execution = bench.run("print(steps)", ready=ready)
    assert (execution.status, bench.printed()) == ("completed", "1\n")
    assert asked == [["parameters"]] * 4 + [[]]


def test_a_cell_that_will_never_be_ready_fails_the_run_and_does_not_start(bench):
    def ready(tags):
        if not tags:
            raise Problem("no_model", "There is no model.")
        return True

    execution = bench.run("print('never')", ready=ready)
    assert (execution.status, execution.cells_executed) == ("failed", 1)
    assert execution.error == {"code": "no_model", "message": "There is no model.", "cell": 1, "tag": None}
    assert len(bench.told("cell_started")) == 1


@pytest.mark.parametrize("ending", ["cancelled", "timed_out"])
def test_a_run_that_waits_for_a_cell_can_be_ended(bench, ending):
    stop = {"cancelled": {"cancelled": lambda: bool(bench.told("cell_finished"))}, "timed_out": {"timeout": 3}}
    execution = bench.run("print('never')", ready=bool, **stop[ending])
    assert (execution.error["code"], execution.cells_executed, bench.printed()) == (ending, 1, "")
    assert execution.seconds < 6


def test_a_listener_that_fails_ends_the_run_with_its_own_error(bench):
    class Stop(BaseException):
        pass

    def listen(event):
        raise Stop

    with pytest.raises(Stop):
        bench.run("import time; time.sleep(60)", on_event=listen)


def test_the_notebook_is_saved_after_each_cell(bench):
    saved = []

    def listen(event):
        if event.type == "cell_finished":
            saved.append(sum(bool(cell.get("execution_count")) for cell in bench.executed().cells))

    bench.run("1", "2", on_event=listen)
    assert saved == [1, 2, 3]


def test_processes_that_a_cell_left_go_with_its_kernel(bench):
    bench.run("import subprocess; print(subprocess.Popen(['sleep', '60']).pid)")
    left = int(bench.printed())
    assert not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE


def test_a_very_long_output_is_cut_in_events_and_whole_in_the_notebook(bench):
    bench.run("print('x' * 1_000_000)")
    assert len(bench.printed()) < 400_000
    assert sum(data.get("left_out", 0) for data in bench.told("stream")) > 0
    assert len(bench.executed().cells[-1].outputs[0].text) == 1_000_001


def test_two_notebooks_run_at_once_from_plain_threads(tmp_path):
    benches = [Bench(tmp_path / name) for name in ("a", "b")]
    for each in benches:
        each.notebook.parent.mkdir()
    results = []
    threads = [threading.Thread(target=lambda b=b: results.append(b.run("print('done')"))) for b in benches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.status for result in results] == ["completed", "completed"]
    assert [b.printed() for b in benches] == ["done\n", "done\n"]


def test_what_is_no_notebook_is_refused(bench):
    bench.notebook.write_text("{}")
    with pytest.raises(Problem) as caught:
        execute(
            bench.notebook,
            workdir=bench.work,
            output=bench.output,
            parameters={},
            timeout=5,
            environment={},
            on_event=print,
        )
    assert caught.value.code == "invalid_notebook"


RUNNER = """
import sys
from pathlib import Path
from tests.jobs.executors.test_local import Bench, PID, STUBBORN
Bench(Path(sys.argv[1])).run(PID, STUBBORN)
"""


def test_a_kernel_ends_when_the_process_that_runs_it_is_killed(bench, tmp_path):
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(tmp_path)], cwd=Path(__file__).parents[3])
    while (kernel := bench.kernel()) is None:
        assert runner.poll() is None
        time.sleep(0.05)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    psutil.wait_procs([kernel], timeout=5)
    assert not kernel.is_running()


def test_output_is_told_soon_after_it_was_printed_and_a_flood_of_it_in_few_pieces(bench):
    bench.run("import sys; print(sys.stdout.flush_interval, sys.stderr.flush_interval)")
    assert bench.printed() == "0.01 0.01\n"
    bench.events.clear()
    bench.run("for number in range(100_000):\n    print(number)")
    assert bench.printed() == "".join(f"{number}\n" for number in range(100_000))
    assert len(bench.told("stream")) < 1000


def test_what_makes_output_quick_leaves_no_trace(bench):
    bench.run("print(sorted(name for name in globals() if name[0] != '_'), In[1:])")
    assert "['In', 'Out', 'exit', 'get_ipython', 'open', 'quit', 'steps']" in bench.printed()
    assert "flush" not in bench.printed()
    assert bench.executed().cells[-1].execution_count == 2


METRICS = """
from webapp.training.progress_reports import Reporter
reporter = Reporter()
for step in (1, 2, 3):
    reporter.step({"step": step, "loss": 0.5}, last=step == 3)
"""


def test_figures_of_steps_are_told_one_by_one_and_are_not_in_the_notebook(bench):
    root = str(Path(__file__).parents[3])
    bench.run(METRICS, environment=scrubbed_environment(os.environ) | {"PYTHONPATH": root})
    assert bench.told("metrics") == [{"step": step, "loss": 0.5} for step in (1, 2, 3)]
    assert bench.told("display") == []
    assert bench.executed().cells[-1].outputs == []


def test_a_hidden_text_is_not_in_the_executed_notebook(bench):
    secret = "1790000000.s3cr3t"
    execution = bench.run(f"token = '{secret}'\nprint('x', token)", hidden=secret)
    assert execution.status == "completed"
    assert secret not in bench.output.read_text()
    assert "token = ''" in bench.executed().cells[-1].source
