"""`tunebook run`: a notebook that Tunebook made is run, here or elsewhere."""

import fcntl
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webapp.commands.arguments import AS_JSON, FILE, refuse_to_overwrite, write_output
from webapp.console import print_json, progress_bar, show_run
from webapp.errors import Problem
from webapp.notebooks.executors import EXECUTORS, executor, require_executor
from webapp.notebooks.results import EXECUTED
from webapp.stopping import stop_signals

if TYPE_CHECKING:
    from webapp.notebooks.executors import Run

NOTEBOOK_SECONDS = 24 * 3600.0


@click.command()
@click.argument("notebook", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--dry-run",
    "dry",
    is_flag=True,
    help="Try it: every cell, on the CPU with a miniature of the model. It takes seconds and no network.",
)
@click.option(
    "--executor",
    "place",
    type=click.Choice(list(EXECUTORS)),
    default="local",
    show_default=True,
    help="Where to run it: on this machine, on Colab by Google's colab tool, or on a Ray cluster.",
)
@click.option(
    "--model-path",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    metavar="FOLDER",
    help="A folder with the base model, in place of the one on the hub; on this machine only.",
)
@click.option("-o", "--output", type=FILE, help="A copy of the executed notebook.")
@click.option(
    "--timeout",
    default=NOTEBOOK_SECONDS,
    show_default="a day",
    metavar="SECONDS",
    type=click.FloatRange(1),
    help="Stop it after so long.",
)
@AS_JSON
def run(
    notebook: Path,
    dry: bool,
    place: str,
    model_path: Path | None,
    output: Path | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Run NOTEBOOK, which Tunebook made; a real run loads the base model and wants a GPU.

    What it writes lies beside it, in NAME.run (NAME.dryrun for a dry run): the executed notebook, and in tunebook-run
    the model and the report. Run it again after an interruption and it goes on from its last checkpoint.
    """
    if output:
        refuse_to_overwrite(notebook, output)  # its dry run's copy would go on being a miniature
    workdir = workdir_of(notebook, dry=dry)
    report = run_watched(_way(dry, place, model_path), notebook, workdir, timeout=timeout, place=place)
    executed = workdir / EXECUTED
    if output and executed.exists():
        write_output(output, executed.read_bytes())
    finish_run(report, as_json=as_json)


def _way(dry: bool, place: str, model_path: Path | None) -> "Run":
    """What runs the notebook as the options ask for it."""
    from webapp.notebooks.running import dry_run, run_notebook
    from webapp.settings import Settings

    require_executor(place, "dry_run" if dry else "run")
    if model_path is not None and (dry or place != "local"):
        raise Problem("model_path_is_local", "--model-path is for real runs on this machine.", param="model_path")
    if dry:
        return dry_run
    return partial(run_notebook, model=model_path) if model_path else executor(place, Settings()).run


def workdir_of(notebook: Path, *, dry: bool) -> Path:
    """Where a run of the notebook keeps its files, the same for every run, so that it can resume."""
    return notebook.with_suffix(".dryrun" if dry else ".run").absolute()


def run_watched(
    way: "Run",
    notebook: Path,
    workdir: Path,
    *,
    timeout: float = NOTEBOOK_SECONDS,
    rows: Path | None = None,
    place: str = "local",
) -> dict[str, Any]:
    """Runs the notebook with a progress bar; Ctrl-C ends it kindly and the report says so.

    Raises Problem `run_under_way` while another command runs it in this folder.
    """
    from webapp.jobs import remote_of
    from webapp.notebooks.progress import Progress
    from webapp.notebooks.running import Watch

    progress = Progress()
    with _alone_in(workdir), progress_bar("running") as show, stop_signals() as stop:
        remote = remote_of(workdir / f"{place}.remote", f"tunebook-{secrets.token_hex(8)}")

        def on_event(event: Any) -> None:
            progress.follow(event)
            show(progress.share, progress.message)

        watch = Watch(timeout=timeout, on_event=on_event, cancelled=stop.is_set, remote=remote)
        return way(notebook, workdir, watch, rows).to_dict()


@contextmanager
def _alone_in(workdir: Path) -> Iterator[None]:
    """Holds the folder, which two runs would both write their checkpoints and reports into."""
    workdir.mkdir(parents=True, exist_ok=True)
    folder = os.open(workdir, os.O_RDONLY)
    try:
        _hold(folder, workdir)
        try:
            yield
        finally:
            with suppress(OSError):  # what was no notebook has left nothing in it
                workdir.rmdir()
    finally:
        os.close(folder)


def _hold(folder: int, name: Path) -> None:
    """Locks the open folder until it is closed, or its process has ended."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = f"This notebook is being run in {name}: wait until that has ended, or run a copy of it."
        raise Problem("run_under_way", message, status=409, param="notebook") from error


def finish_run(report: dict[str, Any], *, as_json: bool) -> None:
    """Shows the report; exits with 1 unless the run completed."""
    print_json(report) if as_json else show_run(report)
    if report["status"] != "completed":
        sys.exit(1)
