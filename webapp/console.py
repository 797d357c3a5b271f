"""What the command line shows to people: reports as text on stdout, progress on stderr."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

_STEPS = 1000


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _line(message: str | None) -> str:
    return message or ""


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[float, str], None]]:
    """A bar on stderr; the function it gives takes the share done (0 to 1) and a line that says what is done."""
    with click.progressbar(
        length=_STEPS,
        label=label,
        file=sys.stderr,
        show_eta=False,
        item_show_func=_line,
    ) as bar:

        def show(share: float, message: str = "") -> None:
            bar.update(max(0, round(share * _STEPS) - bar.pos), message[:60])

        yield show
        bar.update(_STEPS - bar.pos, "")


def show_analysis(report: Mapping[str, Any]) -> None:
    """The report of a dataset, the parts that need attention first."""
    invalid, tokens, source = report["invalid_lines"], report["tokens"], report["source"]
    click.echo(f"{report['total_examples']} valid examples, {invalid['count']} invalid {source['unit']}s")
    kind = " ".join(filter(None, [source["container"], source["compression"]]))
    parts = ", ".join(f"{column} = {part}" for column, part in source["mapping"].items())
    click.echo(
        f"format {report['format']} ({kind}), {source['confidence']:.0%} of the first {source['rows_looked_at']} "
        f"{source['unit']}s: {parts}"
    )
    click.echo(f"quality {report['quality_score']:.2f}")
    for part in report["quality"]["parts"]:
        click.echo(f"  {part['name']:<14} {part['score']:.2f}  {part['why']}")
    click.echo(
        f"tokens {tokens['total']:,} ({tokens['tokenizer']}{'' if tokens['exact'] else ', an estimate'}): "
        f"p50 {tokens['p50']}, p95 {tokens['p95']}, p99 {tokens['p99']}, max {tokens['max']}"
    )
    duplicates = report["duplicates"]
    click.echo(f"duplicates {duplicates['count']} ({duplicates['exact']} exact, {duplicates['near']} near)")
    languages = report["languages"]
    if languages["sampled"]:
        shares = [f"{code} {share:.0%}" for code, share in list(languages["shares"].items())[:5]]
        click.echo(f"languages {', '.join(shares)} (of {languages['sampled']} examples looked at)")
    for kind, hits in report["privacy"]["kinds"].items():
        lines = ", ".join(map(str, hits["lines"][:5]))
        click.echo(f"  {kind:<17} {hits['count']} in {hits['examples']} examples (lines {lines})")
    for item in invalid["items"][:20]:
        click.echo(f"  {fault_line(item)}")
    for issue in report["quality_issues"]:
        lines = f" (lines {', '.join(map(str, issue['lines'][:5]))})" if issue["lines"] else ""
        click.echo(f"{issue['severity']}: {issue['message']}{lines}")


def fault_line(item: Mapping[str, Any]) -> str:
    """One fault of a line: `line 3, column 17: code: message`."""
    column = f", column {item['column']}" if item["column"] else ""
    return f"line {item['line']}{column}: {item['code']}: {item['message']}"


def show_recommendation(answer: Mapping[str, Any]) -> None:
    """The recommended models with their reasons, then those that are out."""
    for place, item in enumerate(answer["recommendations"], start=1):
        gated = ", gated" if item["is_gated"] else ""
        click.echo(f"{place}. {item['model_name']} ({item['model_id']}, {item['method']}{gated})  {item['score']:.2f}")
        for reason in item["reasons"]:
            click.echo(f"     {reason}")
    for item in answer["excluded"]:
        click.echo(f"-  {item['model_id']}: {item['reason']}")


def show_models(models: Sequence[Mapping[str, Any]]) -> None:
    """The catalogue, a line a model."""
    for model in models:
        gated = "gated" if model["gated"] else "open"
        click.echo(
            f"{model['id']:<18} {model['size']:>6}  {model['context_length']:>7,} tokens  {model['license']:<12} "
            f"{gated:<6} {model['hub_id']}"
        )


def show_run(report: Mapping[str, Any]) -> None:
    """How a run ended, what it measured, and one answer before and after."""
    cells, loss = report["cells"], report["loss"]
    click.echo(f"{report['status']} in {report['seconds']:.1f} s, {cells['executed']} of {cells['total']} cells")
    if report["error"]:
        click.echo(f"error: {report['error']['message']}")
    if loss["eval_before"] is not None:
        click.echo(
            f"held-out loss {loss['eval_before']:.3f} before, {loss['eval_after']:.3f} after {report['steps']} steps"
        )
    if report["miniature"]:
        click.echo("(a miniature model: its losses mean nothing for the real one)")
    for sample in report["samples"][:1]:
        for name in ("prompt", "before", "after", "reference"):
            click.echo(f"{name + ':':<10} {' '.join(sample[name].split())[:300]}")
