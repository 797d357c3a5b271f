"""The `tunebook` command: each command is a few lines over the packages below."""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import webapp
from webapp.commands.analyzing import analyze, analyzed, say_what_is_left_out
from webapp.commands.arguments import AS_JSON, DATA, FILE, MAP, PRESET, output_file, refuse_to_overwrite
from webapp.commands.counting import counting
from webapp.commands.delivering import delivered
from webapp.commands.estimate import estimate
from webapp.commands.export import export
from webapp.commands.fix import fix
from webapp.commands.recommending import recommend
from webapp.commands.training import training_settings
from webapp.commands.verify import verify
from webapp.console import (
    fault_line,
    print_json,
    progress_bar,
    show_models,
    show_run,
)
from webapp.errors import Problem
from webapp.stopping import stop_signals

if TYPE_CHECKING:
    from webapp.datasets import Tokenizer
    from webapp.hub import ChosenModel

NOTEBOOK_SECONDS = 24 * 3600.0


class ProblemGroup(click.Group):
    """Shows a Problem as one line on stderr and exits with its status."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except Problem as problem:
            click.echo(f"tunebook: {problem.message}", err=True)
            for item in problem.details.get("invalid_lines", {}).get("items", [])[:10]:
                click.echo(f"  {fault_line(item)}", err=True)
            ctx.exit(problem.exit_code)


@click.group(cls=ProblemGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(webapp.__version__, prog_name="tunebook")
def main() -> None:
    """A chat dataset in, a fine-tuning notebook that has already been run on your own rows out.

    Exit status: 0 done, 1 your data, 2 usage, 3 this machine.
    """


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="gunicorn processes.")
def serve(host: str, port: int, workers: int) -> None:
    """Start the app: the pages, the API, and the process that runs jobs."""
    from webapp.server import serve as serve_app
    from webapp.settings import Settings

    serve_app(Settings(), host, port, workers)


@main.command()
@DATA
@MAP
@click.option(
    "--model",
    "model_id",
    required=True,
    metavar="ID",
    help="The base model, e.g. qwen3-1.7b (see `tunebook models`), hf:org/name, or a folder: ./name.",
)
@click.option("-o", "--output", required=True, type=FILE, help="The file to write, e.g. support.ipynb.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A training setting, e.g. method=qlora, num_epochs=2 or max_seq_length=2048; may be repeated. What is not set "
    "follows from the data, the model, the card and the preset.",
)
@click.option("--gpu", help="The card to train on; by default the smallest of Colab's that can do it.")
@PRESET
@click.option(
    "--format",
    "form",
    type=click.Choice(["ipynb", "py"]),
    default="ipynb",
    show_default=True,
    help="A notebook, or the same run as a Python script.",
)
@click.option("--encrypt", "encrypted", is_flag=True, help="Encrypt the rows; only the notebook has the key.")
@counting
@click.option(
    "--dry-run",
    "dry",
    is_flag=True,
    help="Then run all of it once on your rows, on the CPU with a miniature of the model.",
)
def notebook(
    data: Path,
    mapping: dict[str, str],
    chosen: "ChosenModel",
    output: Path,
    gpu: str | None,
    preset: str,
    settings: tuple[str, ...],
    form: str,
    encrypted: bool,
    tokenizer: "Tokenizer",
    dry: bool,
) -> None:
    """Write a notebook that fine-tunes a model on DATA, for Colab, Jupyter or `tunebook run`.

    It carries the rows. When they are over 5 MB compressed, they are a file beside it: keep the two together.
    """
    from webapp.datasets import Examples, ExampleWriter
    from webapp.notebooks import Fetched, Secret, assemble, plan_run, render, require_template, require_trainable
    from webapp.notebooks.script import to_script

    model, wanted = chosen.model, training_settings(settings)
    refuse_to_overwrite(data, output)
    with tempfile.TemporaryDirectory() as scratch:
        with ExampleWriter(Path(scratch)) as sink:
            analysis = analyzed(data, mapping=mapping, tokenizer=tokenizer, sink=sink)
        examples = Examples(Path(scratch))
        require_trainable(analysis, examples)  # before any file is written
        own_format = chosen.own_format()
        require_template(own_format, examples)
        plan = plan_run(analysis, model, wanted, gpu=gpu, preset=preset)
        delivery = delivered(examples.payload(), data, output, Secret.new() if encrypted else None)
        spec = assemble(analysis, examples, model, data.name, plan, delivery, own_format)
        content = render(spec)
        write_output(output, to_script(content) if form == "py" else content)
        say_what_is_left_out(data, analysis)
        if spec.lent_format:
            click.echo(f"{model.name} has no chat template: the notebook teaches it {spec.family.name}", err=True)
        if dry:
            rows = output.absolute().parent / delivery.name if isinstance(delivery, Fetched) else None
            tested = output
            if form == "py":
                # The notebook that the script was written from: the same cells.
                tested = Path(scratch, "notebook.ipynb")
                tested.write_bytes(content)
            finish_run(run_watched(tested, workdir_of(output, dry=True), dry=True, rows=rows), as_json=False)
    if isinstance(delivery, Fetched):
        click.echo(f"the rows are beside it: {output.with_name(delivery.name)} ({delivery.size / 1e6:.1f} MB)")
    click.echo(f"{'tested' if dry else 'written (not run yet)'}: {output}")


@main.command()
@click.argument("notebook", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--dry-run",
    "dry",
    is_flag=True,
    help="Try it: every cell, on the CPU with a miniature of the model. It takes seconds and no network.",
)
@click.option(
    "--executor",
    type=click.Choice(["local", "colab", "ray"]),
    default="local",
    show_default=True,
    help="Where to run it; this version runs notebooks on this machine only.",
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
def run(notebook: Path, dry: bool, executor: str, output: Path | None, timeout: float, as_json: bool) -> None:
    """Run NOTEBOOK, which Tunebook made, on this machine; a real run downloads the base model and wants a GPU.

    What it writes lies beside it, in NAME.run (NAME.dryrun for a dry run): the executed notebook, and in tunebook-run
    the model and the report. Run it again after an interruption and it goes on from its last checkpoint.
    """
    if executor != "local":
        raise Problem(
            "executor_unavailable",
            f"The {executor} executor is not part of this version; run it locally, or open the notebook in Colab.",
            status=501,
        )
    workdir = workdir_of(notebook, dry=dry)
    report = run_watched(notebook, workdir, dry=dry, timeout=timeout)
    executed = workdir / "executed.ipynb"
    if output and executed.exists():
        write_output(output, executed.read_bytes())
    finish_run(report, as_json=as_json)


@main.command()
@AS_JSON
def models(as_json: bool) -> None:
    """List the base models of the catalogue."""
    from webapp.catalog import models as catalogue

    listed = [model.to_dict() for model in catalogue()]
    print_json(listed) if as_json else show_models(listed)


@main.command()
def worker() -> None:
    """Run jobs only, beside a `tunebook serve` on the same database and home."""
    from webapp.workflow.worker import main as work

    work()


def workdir_of(notebook: Path, *, dry: bool) -> Path:
    """Where a run of the notebook keeps its files, the same for every run, so that it can resume."""
    return notebook.with_suffix(".dryrun" if dry else ".run").absolute()


def run_watched(
    notebook: Path, workdir: Path, *, dry: bool, timeout: float = NOTEBOOK_SECONDS, rows: Path | None = None
) -> dict[str, Any]:
    """Runs the notebook with a progress bar; Ctrl-C ends it kindly and the report says so."""
    from webapp.notebooks.progress import Progress
    from webapp.notebooks.running import Watch, dry_run, run_notebook

    progress = Progress()
    with progress_bar("running") as show, stop_signals() as stop:

        def on_event(event: Any) -> None:
            progress.follow(event)
            show(progress.share, progress.message)

        watch = Watch(timeout=timeout, on_event=on_event, cancelled=stop.is_set)
        report = dry_run(notebook, workdir, watch, rows) if dry else run_notebook(notebook, workdir, watch)
    return report.to_dict()


def finish_run(report: dict[str, Any], *, as_json: bool) -> None:
    """Shows the report; exits with 1 unless the run completed."""
    print_json(report) if as_json else show_run(report)
    if report["status"] != "completed":
        sys.exit(1)


def write_output(path: Path, content: bytes) -> None:
    """Writes the file whole or not at all; a Problem when the place does not allow it."""
    with output_file(path) as file:
        file.write(content)


main.add_command(analyze)
main.add_command(recommend)
main.add_command(estimate)
main.add_command(fix)
main.add_command(export)
main.add_command(verify)

if __name__ == "__main__":
    main()
