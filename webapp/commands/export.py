"""`tunebook export`: the valid rows of a file in another format."""

import tempfile
from pathlib import Path

import click

from webapp.commands.arguments import DATA, FILE, MAP, output_file
from webapp.console import progress_bar
from webapp.datasets import LINES, ExampleWriter, analyze
from webapp.datasets.exporting import FORMATS, find_format
from webapp.datasets.exporting import export as export_file


@click.command()
@DATA
@MAP
@click.option("-o", "--output", required=True, type=FILE, help="The file to write.")
@click.option("--format", "name", required=True, type=click.Choice(list(FORMATS)), help="What to write.")
def export(data: Path, mapping: dict[str, str], output: Path, name: str) -> None:
    """Write the valid rows of DATA as messages (jsonl), ShareGPT, Alpaca or Parquet; refused when rows do not fit."""
    with tempfile.TemporaryDirectory() as scratch:
        with ExampleWriter(Path(scratch)) as sink, progress_bar("reading") as show:
            report = analyze(data, mapping=mapping, sink=sink, progress=lambda share: show(share, ""))
        with output_file(output) as file:
            export_file(Path(scratch, LINES), find_format(name), file)
    if report.invalid_lines.count:
        message = f"{report.invalid_lines.count} invalid lines of {data} are not in it: tunebook analyze {data}"
        click.echo(message, err=True)
    click.echo(f"{report.total_examples} rows: {output}")
