"""`tunebook analyze`, and the analysis that other commands begin with."""

import os
import tempfile
from pathlib import Path
from typing import Any

import click

from webapp.commands.arguments import AS_JSON, DATA, MAP
from webapp.commands.counting import counting
from webapp.console import print_json, progress_bar, show_analysis
from webapp.datasets import (
    NEAR_THRESHOLD,
    Analysis,
    Examples,
    ExampleWriter,
    Tokenizer,
    all_lines,
    in_processes,
    in_this_process,
    on_ray,
    suited_to,
)
from webapp.datasets import analyze as analyze_file
from webapp.datasets.engines import Engine

_ALL_ITEMS = 100_000


def analyzed(data: Path, **options: Any) -> Analysis:
    """The analysis of the file, with a progress bar while it is made; `options` are those of `datasets.analyze`."""
    with progress_bar("analysing") as show:
        return analyze_file(data, progress=lambda share: show(share, ""), **options)


@click.command()
@DATA
@MAP
@click.option("--model", "model_id", help="Count for this model, and compare the lengths with its context.")
@counting
@click.option(
    "--validation",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A validation file: its rows that repeat one of DATA are counted as leakage.",
)
@click.option(
    "--near-threshold",
    type=float,
    default=NEAR_THRESHOLD,
    show_default=True,
    help="From which share of common token pairs on two rows are near-duplicates.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where to work: processes of this machine, or the Ray cluster that RAY_ADDRESS names.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="With the local engine: processes; by default one, and one a core for files over 64 MB.",
)
@click.option("--full", is_flag=True, help="With --json: every line number of every list, not only the first.")
@AS_JSON
def analyze(
    data: Path,
    mapping: dict[str, str],
    model_id: str | None,
    tokenizer: Tokenizer,
    validation: Path | None,
    near_threshold: float,
    engine: str,
    workers: int | None,
    full: bool,
    as_json: bool,
) -> None:
    """Say what is in DATA and what is wrong with it, by line.

    DATA is .jsonl, .json, .csv, .tsv or .parquet, also compressed (.gz, .zst), of chats or of questions and answers.
    """
    from webapp.catalog import find_model

    if full and not as_json:
        raise click.UsageError("--full needs --json: the lists can be long.")
    model = find_model(model_id) if model_id else None
    options: dict[str, Any] = {
        "mapping": mapping,
        "tokenizer": tokenizer,
        "validation": validation,
        "near_threshold": near_threshold,
        "engine": _engine(engine, workers, data),
    }
    report = {"session_id": None, **(_in_full if full else _in_short)(data, options)}
    if model:
        report["model"] = {"id": model.id, "context_length": model.context_length}
    if as_json:
        print_json(report)
        return
    show_analysis(report)
    if model:
        longest = report["tokens"]["per_example"]["max"]
        click.echo(f"{model.name}: a context of {model.context_length:,} tokens, longest example {longest:,}")
        if not report["tokens"]["exact"]:
            click.echo("its own tokenizer counts exactly: --fetch-tokenizer, or --tokenizer with a copy of it")


def _in_short(data: Path, options: dict[str, Any]) -> dict[str, Any]:
    return analyzed(data, **options).to_dict()


def _in_full(data: Path, options: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        with ExampleWriter(Path(scratch)) as sink:
            report = analyzed(data, sink=sink, max_items=_ALL_ITEMS, **options)
        return all_lines(report, Examples(Path(scratch)))


def _engine(name: str, workers: int | None, data: Path) -> Engine:
    if name == "ray":
        if workers is not None:
            raise click.UsageError("--workers is for the local engine: a Ray cluster has its own.")
        return on_ray(os.environ.get("RAY_ADDRESS", "auto"))
    if workers is None:
        return suited_to(data)
    return in_processes(workers) if workers > 1 else in_this_process
