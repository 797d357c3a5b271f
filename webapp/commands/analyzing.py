"""`tunebook analyze`, and the analysis that other commands begin with."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from webapp.commands.arguments import AS_JSON, DATA, MAP
from webapp.commands.counting import counting
from webapp.console import print_json, progress_bar, show_analysis
from webapp.datasets import (
    NEAR_THRESHOLD,
    Analysis,
    Examples,
    ExampleWriter,
    LearnedTexts,
    Tokenizer,
    all_lines,
    in_processes,
    in_this_process,
    on_ray,
    suited_to,
)
from webapp.datasets import analyze as analyze_file
from webapp.datasets.engines import Engine
from webapp.datasets.presidio import presidio_search, second_look
from webapp.plurals import counted

if TYPE_CHECKING:
    from webapp.hub import ChosenModel

_ALL_ITEMS = 100_000


def analyzed(data: Path, **options: Any) -> Analysis:
    """The analysis of the file, with a progress bar while it is made; `options` are those of `datasets.analyze`."""
    with progress_bar("analysing") as show:
        return analyze_file(data, progress=lambda share: show(share, ""), **options)


def say_what_is_left_out(data: Path, analysis: Analysis) -> None:
    """Tells, on stderr, of the lines that are not in what was made of the file."""
    if count := analysis.invalid_lines.count:
        left_out = counted(count, f"invalid line of {data} is not", f"invalid lines of {data} are not")
        click.echo(f"{left_out} in it: tunebook analyze {data}", err=True)


@click.command()
@DATA
@MAP
@click.option(
    "--model", "model_id", help="Count for this model and its template, and compare the lengths with its context."
)
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
@click.option(
    "--presidio", is_flag=True, help="Search the flagged rows again with Presidio: pip install 'tunebook[presidio]'."
)
@click.option("--full", is_flag=True, help="With --json: every line number of every list, not only the first.")
@AS_JSON
def analyze(
    data: Path,
    mapping: dict[str, str],
    chosen: "ChosenModel | None",
    tokenizer: Tokenizer,
    validation: Path | None,
    near_threshold: float,
    engine: str,
    workers: int | None,
    presidio: bool,
    full: bool,
    as_json: bool,
) -> None:
    """Say what is in DATA and what is wrong with it, by line.

    DATA is .jsonl, .json, .csv, .tsv or .parquet, also compressed (.gz, .zst), of chats or of questions and answers.
    """
    if full and not as_json:
        raise click.UsageError("--full needs --json: the lists can be long.")
    model = chosen.model if chosen else None
    family = model.template_family if model else None
    search = presidio_search() if presidio else None  # before the work, not after it
    options: dict[str, Any] = {
        "mapping": mapping,
        "tokenizer": tokenizer,
        "learned": _learned(family) if family else None,
        "validation": validation,
        "near_threshold": near_threshold,
        "engine": _engine(engine, workers, data),
    }
    report: dict[str, Any] = {"session_id": None}
    if full or search:
        with kept(data, **options, **({"max_items": _ALL_ITEMS} if full else {})) as (analysis, examples):
            report |= all_lines(analysis, examples) if full else analysis.to_dict()
            if search:
                report["second_look"] = msgspec.to_builtins(second_look(examples, search))
    else:
        report |= analyzed(data, **options).to_dict()
    if model:
        report["model"] = {"id": model.id, "context_length": model.context_length}
    if as_json:
        print_json(report)
        return
    show_analysis(report)
    if family:
        trained = report["tokens"]["trained"]
        click.echo(f"as its template {family} writes the answers, {trained:,} tokens are learned")
    if model:
        longest = report["tokens"]["per_example"]["max"]
        click.echo(f"{model.name}: a context of {model.context_length:,} tokens, longest example {longest:,}")
        if not report["tokens"]["exact"]:
            click.echo("its own tokenizer counts exactly: --fetch-tokenizer, or --tokenizer with a copy of it")


def _learned(family: str) -> LearnedTexts:
    from webapp.training import families

    return families.LearnedTexts(family)


@contextmanager
def kept(data: Path, **options: Any) -> Iterator[tuple[Analysis, Examples]]:
    """The analysis, and the examples for as long as they are needed."""
    with tempfile.TemporaryDirectory() as scratch:
        with ExampleWriter(Path(scratch)) as sink:
            analysis = analyzed(data, sink=sink, **options)
        yield analysis, Examples(Path(scratch))


def _engine(name: str, workers: int | None, data: Path) -> Engine:
    if name == "ray":
        if workers is not None:
            raise click.UsageError("--workers is for the local engine: a Ray cluster has its own.")
        return on_ray(os.environ.get("RAY_ADDRESS", "auto"))
    if workers is None:
        return suited_to(data)
    return in_processes(workers) if workers > 1 else in_this_process
