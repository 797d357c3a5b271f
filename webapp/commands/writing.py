"""`tunebook notebook`: a dataset and a model to a notebook or a script."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webapp.commands.analyzing import analyzed, say_what_is_left_out
from webapp.commands.arguments import DATA, FILE, MAP, PRESET, refuse_to_overwrite, write_output
from webapp.commands.counting import counting
from webapp.commands.delivering import delivered
from webapp.commands.running import finish_run, run_watched, workdir_of
from webapp.commands.training import training_settings

if TYPE_CHECKING:
    from webapp.datasets import Tokenizer
    from webapp.hub import ChosenModel


@click.command()
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
            from webapp.notebooks.running import dry_run

            rows = output.absolute().parent / delivery.name if isinstance(delivery, Fetched) else None
            tested = output
            if form == "py":
                # The notebook that the script was written from: the same cells.
                tested = Path(scratch, "notebook.ipynb")
                tested.write_bytes(content)
            finish_run(run_watched(dry_run, tested, workdir_of(output, dry=True), rows=rows), as_json=False)
    if isinstance(delivery, Fetched):
        click.echo(f"the rows are beside it: {output.with_name(delivery.name)} ({delivery.size / 1e6:.1f} MB)")
    click.echo(f"{'tested' if dry else 'written (not run yet)'}: {output}")
