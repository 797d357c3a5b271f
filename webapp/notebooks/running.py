"""Running a notebook: as it is, or as a dry run with a miniature of its model."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

from webapp.errors import Problem
from webapp.jobs import Remote, hub_token, scrubbed_environment
from webapp.jobs.executors import Event, Execution, Ready, execute
from webapp.notebooks.failures import decode
from webapp.notebooks.here import missing_packages
from webapp.notebooks.miniatures import MINIATURE_LENGTH, making_miniature
from webapp.notebooks.model_folder import require_model_folder
from webapp.notebooks.reading import NotebookContents, read_notebook
from webapp.notebooks.results import EXECUTED, MINIATURE, REPORT, RESULTS
from webapp.training.progress_reports import PROGRESS_TOKEN, PROGRESS_URL

DRY_RUN_STEPS = 66
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
NO_HUB = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", PROGRESS_URL: ""}
# What these cells say of the machine is said while the miniature is still being made.
WITHOUT_MODEL = {"parameters", "injected-parameters", "progress", "install", "environment"}
MEASURED = ("steps", "rows", "loss", "perplexity", "interval", "metrics", "samples", "alarms", "export")
QUIET = {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


@dataclass(frozen=True)
class Watch:
    """How a run is watched: seconds it may take, who hears of its progress, who may stop it, and who knows its name.

    `goes_on` says, of a run that is being stopped here, whether a later attempt is to find what it has elsewhere.
    """

    timeout: float
    on_event: Callable[[Event], None]
    cancelled: Callable[[], bool] = lambda: False
    remote: Remote = field(default_factory=Remote)
    goes_on: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class RunReport:
    """How a run ended and what it measured; the numbers come from the notebook's own report.json.

    Losses are in nats per trained token; `perplexity`, `interval`, `metrics`, `alarms` and `export` are those of
    docs/api.md, None where the run did not get so far; `artifacts` are paths relative to the working folder.
    `error` is an Execution's, with the `failure` behind it. `miniature` is set for dry runs only: its figures mean
    nothing for the real model.
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
    if missing := missing_packages():
        raise Problem(
            "training_packages_missing",
            f"{', '.join(missing)} not installed here: pip install 'tunebook[train]'",
            status=503,
        )


def run_notebook(
    notebook: Path, workdir: Path, watch: Watch, data_file: Path | None = None, *, model: Path | None = None
) -> RunReport:
    """Runs the notebook as it is, with this machine's GPU if it has one; everything it writes is under `workdir`.

    Rows that are a file of their own are `data_file`, or lie beside the notebook, or are taken as the notebook does.
    The base model is that of the hub, or of its cache on this machine, or `model`, a folder. The kernel gets the token
    of the hub only where the hub asks for one: for a gated model.
    """
    require_training_packages()
    contents = read_notebook(notebook)
    overrides = _data_parameter(data_file or rows_beside(notebook, contents))
    told = {name: os.environ[name] for name in (PROGRESS_URL, PROGRESS_TOKEN) if name in os.environ}
    environment = scrubbed_environment(os.environ) | told
    if model is not None:
        overrides["base_model"] = require_model_folder(model, contents.model)
    elif contents.model.gated:
        environment |= hub_token(os.environ)
    return _run(notebook, workdir, contents.parameters, overrides, environment, watch)


class Local:
    """The executor `local`: this machine, where nothing outlives the process that runs it."""

    run = staticmethod(run_notebook)

    def end(self, name: str) -> bool:  # noqa: ARG002
        """There is nothing to end."""
        return False


def rows_beside(notebook: Path, contents: NotebookContents) -> Path | None:
    """The file of the rows, if they are one and it lies beside the notebook."""
    path = notebook.absolute().parent / contents.data_file if contents.data_file else None
    return path if path and path.exists() else None


def rows_to_send(notebook: Path, contents: NotebookContents, data_file: Path | None) -> Path | None:
    """The file of the rows that goes along to another machine; None when the notebook carries or fetches them.

    Raises Problem `rows_missing` when it would have to ask for them there, where nobody is.
    """
    rows = (data_file or rows_beside(notebook, contents)) if contents.data_file else None
    if contents.data_file and rows is None and not contents.data.get("dataset_url"):
        raise Problem(
            "rows_missing",
            f"The rows of this notebook are a file of their own: put {contents.data_file} beside it.",
            param="notebook",
        )
    return rows


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
    folder = workdir / MINIATURE
    environment = scrubbed_environment(os.environ) | ONE_THREAD | NO_HUB | QUIET
    overrides = dry_run_parameters(contents.parameters, folder) | _data_parameter(data_file)
    with making_miniature(contents, data_file, folder, environment) as making:
        report = _run(
            notebook,
            workdir,
            contents.parameters,
            overrides,
            environment,
            watch,
            lambda tags: making.done() or not WITHOUT_MODEL.isdisjoint(tags),
        )
    return replace(report, seconds=round(monotonic() - started, 2), miniature=making.described)


def dry_run_parameters(parameters: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The overrides: the miniature in place of the model, and sizes and rates that suit it."""
    return {
        "base_model": str(folder),
        "learning_rate": 3e-3 if parameters["method"] == "full" else 1e-2,
        "batch_size": 4,
        "gradient_accumulation": 2,
        "max_seq_length": min(MINIATURE_LENGTH, parameters["max_seq_length"]),
        "max_steps": min(DRY_RUN_STEPS, parameters["max_steps"] or DRY_RUN_STEPS),
        "eval_steps": DRY_RUN_STEPS // 2,
        "max_new_tokens": min(160, parameters["max_new_tokens"]),
        "metric_answers": min(8, parameters["metric_answers"]),
        "export_merged": parameters["method"] != "full",  # cheap here, and proven with it
        "export_gguf": False,  # its converter knows no tokenizer made here
        "push_to_hub": "",
        "progress_url": "",  # whoever follows the real run is not to take this for it
        "progress_token": "",
    }


def _run(
    notebook: Path,
    workdir: Path,
    parameters: Mapping[str, Any],
    overrides: Mapping[str, Any],
    environment: Mapping[str, str],
    watch: Watch,
    ready: Ready = lambda _: True,
) -> RunReport:
    forget_report(workdir)
    done = execute(
        notebook,
        workdir=workdir,
        output=workdir / EXECUTED,
        parameters=overrides,
        timeout=watch.timeout,
        environment=environment,
        on_event=watch.on_event,
        cancelled=watch.cancelled,
        ready=ready,
        hidden=parameters.get("progress_token", ""),
    )
    return report_of(done, workdir, parameters, overrides)


def forget_report(workdir: Path) -> None:
    """Makes the working folder without an earlier run's numbers, which are not this run's."""
    workdir.mkdir(parents=True, exist_ok=True)
    (workdir / REPORT).unlink(missing_ok=True)


def report_of(
    done: Execution, workdir: Path, parameters: Mapping[str, Any], overrides: Mapping[str, Any] | None = None
) -> RunReport:
    """The report of an execution that has left its results in `workdir`."""
    path, measured = workdir / REPORT, dict[str, Any]()
    if done.status == "completed" and path.exists():
        written = json.loads(path.read_text(encoding="utf-8"))
        measured = {name: written[name] for name in MEASURED if name in written}
    artifacts = [file.relative_to(workdir).as_posix() for file in (workdir / RESULTS).rglob("*") if file.is_file()]
    return RunReport(
        status=done.status,
        seconds=round(done.seconds, 2),
        cells={"total": done.cells_total, "executed": done.cells_executed},
        error=done.error and done.error | {"failure": decode(done.error, parameters, fixed=overrides or {}).to_dict()},
        artifacts=sorted(artifacts),
        **measured,
    )
