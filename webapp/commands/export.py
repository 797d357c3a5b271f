"""`tunebook export`: the valid rows of a file in another format."""

import tempfile
from pathlib import Path

import click

from webapp.commands.analyzing import analyzed, say_what_is_left_out
from webapp.commands.arguments import DATA, FILE, MAP, output_file
from webapp.datasets import LINES, ExampleWriter
from webapp.datasets.exporting import FORMATS, find_format
from webapp.datasets.exporting import export as export_file
from webapp.plurals import counted


@click.command()
@DATA
@MAP
@click.option("-o", "--output", required=True, type=FILE, help="The file to write.")
@click.option("--format", "name", required=True, type=click.Choice(list(FORMATS)), help="What to write.")
def export(data: Path, mapping: dict[str, str], output: Path, name: str) -> None:
    """Write the valid rows of DATA as messages (jsonl), ShareGPT, Alpaca or Parquet; refused when rows do not fit."""
    with tempfile.TemporaryDirectory() as scratch:
        with ExampleWriter(Path(scratch)) as sink:
            report = analyzed(data, mapping=mapping, sink=sink)
        with output_file(output) as file:
            export_file(Path(scratch, LINES), find_format(name), file)
    say_what_is_left_out(data, report)
    click.echo(f"{counted(report.total_examples, 'row')}: {output}")
