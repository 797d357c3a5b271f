"""What the local executor costs, and how soon it tells: `python benchmarks/executor.py`.

Overhead: a fine-tuning notebook on a miniature, ten steps, run by the executor and, in turn, as the same cells in a
plain script, both in new processes; the bar is 1.5 s. Other work on the machine changes CPU seconds less. Delay: from a
print, a display update or a picture in the kernel until another thread finds the event in the database, through the
outbox; the bar is 50 ms in the median.
"""

import base64
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic, sleep, time

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from webapp.catalog import find_model
from webapp.datasets import Examples, ExampleWriter, analyze, sample_path
from webapp.jobs import claim, enqueue, read_events, scrubbed_environment
from webapp.jobs.executors import execute
from webapp.jobs.outbox import Outbox
from webapp.notebooks import TrainingConfig, assemble, plan_run, render
from webapp.notebooks.running import NO_HUB, ONE_THREAD, QUIET, Watch, dry_run
from webapp.notebooks.script import to_script
from webapp.storage import Database
from webapp.storage.tables import Dataset, JobEvent

ROUNDS = 3
TIMES = 40
ENVIRONMENT = scrubbed_environment(os.environ) | ONE_THREAD | NO_HUB | QUIET
PICTURE = base64.b64encode(os.urandom(20_000)).decode()
SETTLED = 0.3  # seconds before each output: none waits for the one before
PRINTS = f"import time\nfor _ in range({TIMES}):\n    time.sleep({SETTLED})\n    print('at', time.time())"
UPDATES = f"""
import time
from IPython.display import display
handle = display("at 0", display_id=True)
for _ in range({TIMES}):
    time.sleep({SETTLED})
    handle.update(f"at {{time.time()}}")
"""
PICTURES = f"""
import time
from IPython.display import display
for _ in range({TIMES}):
    time.sleep({SETTLED})
    display({{"image/png": {PICTURE!r}, "text/plain": f"at {{time.time()}}"}}, raw=True)
"""
FLOOD = "for number in range(100_000):\n    print(number)"


def main() -> None:
    """Prints both figures."""
    with tempfile.TemporaryDirectory() as scratch:
        overhead(Path(scratch))
        for name, source in (("print", PRINTS), ("display update", UPDATES), ("picture", PICTURES)):
            delays, _ = delays_of(source, Path(scratch))
            worst = sorted(delays)[-max(1, len(delays) // 20)]
            print(f"{name:<16} median {median(delays) * 1000:5.0f} ms, 95 % within {worst * 1000:5.0f} ms")
        _, events = delays_of(FLOOD, Path(scratch))
        print(f"100,000 lines    {events} events")


def overhead(folder: Path) -> None:
    """Prints the seconds of both by rounds, those of the clock and those of the CPU, and the difference of medians."""
    notebook = small_notebook(folder)
    script = folder / "script.py"
    script.write_bytes(to_script(notebook.read_bytes()))
    ways = {"executor": partial(run_cells, notebook), "script": partial(run_script, script)}
    spent: dict[str, list[tuple[float, float]]] = {"executor": [], "script": []}
    for number in range(ROUNDS):
        for name, run in ways.items():
            began, worked = monotonic(), cpu_seconds()
            run(folder / f"{name}-{number}")
            spent[name].append((monotonic() - began, cpu_seconds() - worked))
    for name, figures in spent.items():
        print(f"{name:<16} {'  '.join(f'{clock:.2f} ({cpu:.2f} CPU)' for clock, cpu in figures)} s")
    middle = {name: [median(column) for column in zip(*figures, strict=True)] for name, figures in spent.items()}
    clock, cpu = (middle["executor"][kind] - middle["script"][kind] for kind in (0, 1))
    print(f"overhead         {clock:.2f} s in the median, {cpu:.2f} CPU s")


def cpu_seconds() -> float:
    """CPU seconds of this process and of those that have ended."""
    return sum(os.times()[:4])


def run_script(script: Path, workdir: Path) -> None:
    """Runs the same cells without any notebook."""
    workdir.mkdir()
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([sys.executable, str(script)], cwd=workdir, env=ENVIRONMENT, check=True, **streams)


def small_notebook(folder: Path) -> Path:
    """A notebook of the bundled sample with ten steps, whose model is the miniature of its own dry run."""
    with ExampleWriter(folder / "examples") as sink:
        analysis = analyze(sample_path(), sink=sink)
    model = find_model("smollm2-360m")
    wanted = TrainingConfig(max_steps=10, max_new_tokens=8, max_seq_length=128)
    examples, plan = Examples(folder / "examples"), plan_run(analysis, model, wanted)
    path = folder / "notebook.ipynb"
    path.write_bytes(render(assemble(analysis, examples, model, "sample.jsonl", plan)))
    tried = dry_run(path, folder / "dry", Watch(timeout=600, on_event=lambda _: None))
    assert tried.status == "completed", tried.error
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"base_model = '[^']*'", f"base_model = '{folder / 'dry/miniature'}'", text, count=1))
    return path


def run_cells(notebook: Path, workdir: Path) -> None:
    """Runs the notebook as a job would, without one."""
    done = execute(
        notebook,
        workdir=workdir,
        output=workdir / "executed.ipynb",
        parameters={},
        timeout=600,
        environment=ENVIRONMENT,
        on_event=lambda _: None,
    )
    assert done.status == "completed", done.error


def delays_of(source: str, folder: Path) -> tuple[list[float], int]:
    """Seconds from each output to its event in the database, and how many events of output there were."""
    store = tempfile.mkdtemp(dir=folder)
    db = Database(f"sqlite:///{store}/tunebook.db")
    db.migrate()
    with db.session() as session:
        session.add(dataset := Dataset(filename="f", size=1, sha256="", blob=""))
        session.flush()
        job_id = enqueue(session, "run", owner=None, dataset_id=dataset.id).id
    assert claim(db, "benchmark", 3600)
    notebook = Path(store, "n.ipynb")
    nbformat.write(new_notebook(cells=[new_code_cell(source)]), notebook)
    with watching(db, job_id) as seen, Outbox(db, job_id, 1, on_lost=lambda: None) as outbox:
        execute(
            notebook,
            workdir=Path(store),
            output=Path(store, "executed.ipynb"),
            parameters={},
            timeout=600,
            environment=ENVIRONMENT,
            on_event=lambda event: outbox.event(event.type, event.data),
        )
    delays = [at - sent for at, event in seen for sent in moments(event)]
    return delays, sum(event.type in ("stream", "display") for _, event in seen)


def moments(event: JobEvent) -> list[float]:
    """The moments that an event's output names."""
    text = str(event.data.get("text") or event.data.get("data", {}).get("text/plain", ""))
    return [float(moment) for moment in re.findall(r"at (\d+\.\d+)", text)]


@contextmanager
def watching(db: Database, job_id: str) -> Iterator[list[tuple[float, JobEvent]]]:
    """Collects the job's events, each with the moment in which it was found, until all are there."""
    seen: list[tuple[float, JobEvent]] = []
    done = threading.Event()

    def look() -> None:
        after = 0
        while True:
            ended = done.is_set()
            with db.reading() as session:
                events = read_events(session, job_id, after)
            seen.extend((time(), event) for event in events)
            after = events[-1].seq if events else after
            if ended and not events:
                return
            sleep(0.002)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


if __name__ == "__main__":
    main()
