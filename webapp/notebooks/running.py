"""Running a notebook: as it is, or as a dry run with a miniature of its model."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from webapp.errors import Problem
from webapp.jobs import scrubbed_environment
from webapp.jobs.executors import Event, Execution, execute
from webapp.notebooks.reading import NotebookContents, read_notebook
from webapp.storage.files import write_file

EXECUTED = "executed.ipynb"
RESULTS = "tunebook-run"  # the notebook's output_dir
DRY_RUN_STEPS = 66
DRY_RUN_LENGTH = 512  # tokens of the miniature's tokenizer, which needs about twice as many as a real one
MINIATURE_CONVERSATIONS = 10_000  # its tokenizer and its warm-up read fewer
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
NO_HUB = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
MEASURED = ("steps", "rows", "loss", "perplexity", "interval", "metrics", "samples", "alarms", "export")
_POLL_SECONDS = 0.1
QUIET = {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


@dataclass(frozen=True)
class Watch:
    """How a run is watched: seconds it may take, who hears of its progress, and who may stop it."""

    timeout: float
    on_event: Callable[[Event], None]
    cancelled: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class RunReport:
    """How a run ended and what it measured; the numbers come from the notebook's own report.json.

    Losses are in nats per trained token; `perplexity`, `interval`, `metrics`, `alarms` and `export` are those of
    docs/api.md, None where the run did not get so far; `artifacts` are paths relative to the working folder.
    `miniature` is set for dry runs only: its figures mean nothing for the real model.
    """

    status: str
    seconds: float
    cells: Mapping[str, int]
    error: Mapping[str, Any] | None = None
    steps: int = 0
    rows: Mapping[str, int] = field(default_factory=lambda: {"train": 0, "eval": 0})
    loss: Mapping[str, Any] = field(default_factory=lambda: {"eval_before": None, "eval_after": None})
    perplexity: Mapping[str, float] | None = None
    interval: Mapping[str, Any] | None = None
    metrics: Mapping[str, Any] | None = None
    samples: list[dict[str, Any]] = field(default_factory=list)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    export: Mapping[str, Any] | None = None
    artifacts: list[str] = field(default_factory=list)
    miniature: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The body of `tunebook run --json`."""
        return asdict(self)


def require_training_packages() -> None:
    """Problem `training_packages_missing` when this environment cannot train."""
    missing = [name for name in ("torch", "transformers", "peft") if importlib.util.find_spec(name) is None]
    if missing:
        raise Problem(
            "training_packages_missing",
            f"{', '.join(missing)} not installed here: pip install 'tunebook[train]'",
            status=503,
        )


def run_notebook(notebook: Path, workdir: Path, watch: Watch) -> RunReport:
    """Runs the notebook as it is, with this machine's GPU if it has one; everything it writes is under `workdir`.

    Rows that are a file of their own are taken from beside the notebook if they lie there, else as the notebook does.
    """
    require_training_packages()
    data_file = rows_beside(notebook, read_notebook(notebook))
    return _run(notebook, workdir, _data_parameter(data_file), scrubbed_environment(os.environ), watch)


def rows_beside(notebook: Path, contents: NotebookContents) -> Path | None:
    """The file of the rows, if they are one and it lies beside the notebook."""
    path = notebook.absolute().parent / contents.data_file if contents.data_file else None
    return path if path and path.exists() else None


def _data_parameter(data_file: Path | None) -> dict[str, Any]:
    return {"data_file": str(data_file)} if data_file else {}


def dry_run(notebook: Path, workdir: Path, watch: Watch, data_file: Path | None = None) -> RunReport:
    """Runs the notebook on the CPU in seconds, unchanged but for overrides injected after its parameters.

    The model is a miniature of the chosen model's class, made from the notebook's own rows and kept in `workdir`, so
    that a second run after an interruption resumes. No network, no GPU, one thread: rows that are a file of their own
    are `data_file`, or lie beside the notebook.
    """
    require_training_packages()
    started = monotonic()
    contents = read_notebook(notebook)
    data_file = (data_file or rows_beside(notebook, contents)) if contents.data_file else None
    folder = workdir / "miniature"
    environment = scrubbed_environment(os.environ) | ONE_THREAD | NO_HUB | QUIET
    try:
        miniature = make_miniature_of(contents, data_file, folder, environment, watch)
    except _Ended as ended:
        done = Execution(ended.status, monotonic() - started, contents.code_cells, 0, ended.error)
        return _report(done, workdir, workdir / RESULTS)
    left = replace(watch, timeout=max(1.0, watch.timeout - (monotonic() - started)))
    parameters = dry_run_parameters(contents.parameters, folder) | _data_parameter(data_file)
    report = _run(notebook, workdir, parameters, environment, left)
    return replace(report, seconds=round(monotonic() - started, 2), miniature=miniature)


def dry_run_parameters(parameters: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The overrides: the miniature in place of the model, and sizes and rates that suit it."""
    return {
        "base_model": str(folder),
        "learning_rate": 3e-3 if parameters["method"] == "full" else 1e-2,
        "batch_size": 4,
        "gradient_accumulation": min(2, parameters["gradient_accumulation"]),
        "max_seq_length": min(DRY_RUN_LENGTH, parameters["max_seq_length"]),
        "max_steps": min(DRY_RUN_STEPS, parameters["max_steps"] or DRY_RUN_STEPS),
        "eval_steps": DRY_RUN_STEPS // 2,
        "max_new_tokens": min(160, parameters["max_new_tokens"]),
        "metric_answers": min(8, parameters["metric_answers"]),
        "export_merged": parameters["method"] != "full",  # cheap here, and proven with it
        "export_gguf": False,  # its converter knows no tokenizer made here
        "push_to_hub": "",
    }


class _Ended(Exception):
    """The run ended before the notebook was started."""

    def __init__(self, status: Literal["failed", "cancelled"], code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"code": code, "message": message, "cell": None}


def make_miniature_of(
    contents: NotebookContents, data_file: Path | None, folder: Path, environment: Mapping[str, str], watch: Watch
) -> dict[str, Any]:
    """Builds the miniature in a process of its own, or finds the finished one of an earlier attempt."""
    finished = folder / "miniature.json"
    if finished.exists():
        found: dict[str, Any] = json.loads(finished.read_text(encoding="utf-8"))
        return found
    folder.mkdir(parents=True, exist_ok=True)
    request = {
        "folder": str(folder),
        "model_type": contents.model.shape.model_type,
        "shape": contents.model.shape.config_values(),
        "family": contents.model.template_family,
        "conversations": contents.conversations(data_file)[:MINIATURE_CONVERSATIONS],
        "max_seq_length": min(DRY_RUN_LENGTH, contents.parameters["max_seq_length"]),
    }
    asked = folder / "request.json"
    write_file(asked, json.dumps(request).encode())
    described = _watched([sys.executable, "-m", "webapp.training.miniature", str(asked)], environment, watch)
    write_file(finished, described.encode("utf-8"))
    made: dict[str, Any] = json.loads(described)
    return made


def _watched(command: Sequence[str], environment: Mapping[str, str], watch: Watch) -> str:
    """What the command prints; raises _Ended when it fails or has to be stopped."""
    deadline = monotonic() + watch.timeout
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=dict(environment)) as process:
        try:
            while True:
                if watch.cancelled():
                    raise _Ended("cancelled", "cancelled", "The run was cancelled while the miniature was made.")
                if monotonic() >= deadline:
                    late = f"The run was stopped after {watch.timeout:g} seconds, while the miniature was made."
                    raise _Ended("failed", "timed_out", late)
                try:
                    output, errors = process.communicate(timeout=_POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:
            process.kill()
    if process.returncode != 0:
        last = errors.strip().split("\n")[-1] or f"exit status {process.returncode}"
        raise _Ended("failed", "miniature_failed", f"The miniature model could not be made: {last}")
    return output


def _run(
    notebook: Path, workdir: Path, parameters: Mapping[str, Any], environment: Mapping[str, str], watch: Watch
) -> RunReport:
    workdir.mkdir(parents=True, exist_ok=True)
    results = workdir / RESULTS
    (results / "report.json").unlink(missing_ok=True)  # an earlier run's numbers are not this run's
    done = execute(
        notebook,
        workdir=workdir,
        output=workdir / EXECUTED,
        parameters=parameters,
        timeout=watch.timeout,
        environment=environment,
        on_event=watch.on_event,
        cancelled=watch.cancelled,
    )
    return _report(done, workdir, results)


def _report(done: Execution, workdir: Path, results: Path) -> RunReport:
    measured: dict[str, Any] = {}
    path = results / "report.json"
    if done.status == "completed" and path.exists():
        written = json.loads(path.read_text(encoding="utf-8"))
        measured = {name: written[name] for name in MEASURED if name in written}
    artifacts = [file.relative_to(workdir).as_posix() for file in results.rglob("*") if file.is_file()]
    return RunReport(
        status=done.status,
        seconds=round(done.seconds, 2),
        cells={"total": done.cells_total, "executed": done.cells_executed},
        error=done.error,
        artifacts=sorted(artifacts),
        **measured,
    )
