"""What the command line shows to people: reports as text on stdout, progress on stderr."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any

import click

from webapp.plurals import counted

_STEPS = 1000

_WITH_REASONS = 5


def show_what_cannot_be_written() -> None:
    """Has characters that stdout and stderr have no bytes for, and bytes of names that are none, written as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_json(document: Any) -> None:
    """One JSON document on stdout, with JSON's own escapes where its encoding lacks a character."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(document, indent=2)
    click.echo(text)


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
    bad = counted(invalid["count"], f"invalid {source['unit']}")
    click.echo(f"{counted(report['total_examples'], 'valid example')}, {bad}")
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
        + ", ".join(f"{name} {count:,}" for name, count in tokens["per_example"].items())
    )
    duplicates, conflicts, guess = report["duplicates"], report["conflicts"], report["task_guess"]
    click.echo(f"duplicates {duplicates['count']} ({duplicates['exact']} exact, {duplicates['near']} near)")
    groups = counted(conflicts["group_count"], "group")
    click.echo(f"conflicts {conflicts['count']} in {groups} of the same prompt")
    if leakage := report["leakage"]:
        click.echo(f"leakage {leakage['count']} of {counted(leakage['checked'], 'example')} for validation")
    click.echo(f"task {guess['task'].replace('_', ' ')}: {'; '.join(guess['reasons'])}")
    languages = report["languages"]
    if languages["sampled"]:
        shares = [f"{code} {share:.0%}" for code, share in list(languages["shares"].items())[:5]]
        click.echo(f"languages {', '.join(shares)} (of {counted(languages['sampled'], 'example')} looked at)")
    for kind, hits in report["privacy"]["kinds"].items():
        lines = _on(hits["lines"])
        click.echo(f"  {kind:<17} {hits['count']} in {counted(hits['examples'], 'example')} ({lines})")
    if second := report.get("second_look"):
        show_second_look(second)
    for item in invalid["items"][:20]:
        click.echo(f"  {fault_line(item)}")
    for issue in report["quality_issues"]:
        lines = f" ({_on(issue['lines'])})" if issue["lines"] else ""
        click.echo(f"{issue['severity']}: {issue['message']}{lines}")
        click.echo(f"  {issue['fix']}")


def show_second_look(found: Mapping[str, Any]) -> None:
    """What Presidio found in the flagged examples."""
    click.echo(f"presidio looked at {found['looked_at']} of {counted(found['flagged'], 'flagged example')}")
    for kind, hits in found["kinds"].items():
        lines = _on(hits["lines"])
        click.echo(f"  {kind:<17} {hits['count']} in {counted(hits['examples'], 'example')} ({lines})")


def _on(lines: Sequence[int]) -> str:
    """The first of some lines."""
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines[:5]))}"


def fault_line(item: Mapping[str, Any]) -> str:
    """One fault of a line: `line 3, column 17: code: message`."""
    column = f", column {item['column']}" if item["column"] else ""
    return f"line {item['line']}{column}: {item['code']}: {item['message']}"


def show_fix(report: Mapping[str, Any]) -> None:
    """What each operation did, in a preview with the first rows it did it to, and the figures before and after."""
    for done in report["operations"]:
        counts = [f"{done[what]} {what}" for what in ("changed", "dropped", "added") if done[what]]
        click.echo(f"{done['name']:<17} {', '.join(counts) or 'nothing to do'}")
        for change in done["changes"] if report["preview"] else ():
            _show_change(change)
    click.echo(f"rows {report['rows_read']} read, {report['rows_written']} written")
    for count, what in (
        (report["validation_rows"], "of them in the validation part"),
        (report["invalid_kept"], "of them still invalid, kept (--drop-invalid drops them)"),
        (report["unreadable"], "of those no JSON object, so left exactly as they are"),
        (report["too_long"], "left out: lines over the limit of 4 MiB"),
        (report["unknown_keys"], "without keys that are no part of the conversation"),
        (report["still_long"], "still too long: a single turn is"),
    ):
        if count:
            click.echo(f"  {count} {what}")
    if report["unchanged"]:
        click.echo("nothing to change" + (f": {report['output']} has the same rows" if report["output"] else ""))
    before, after = report["before"] or {}, report["after"]
    for name, value in after.items():
        click.echo(f"{name.replace('_', ' '):<17} {before.get(name, '-')} -> {value}")


def _show_change(change: Mapping[str, Any]) -> None:
    like = f" (like line {change['like']})" if change["like"] else ""
    fate = {0: f" dropped{like}", 1: ""}.get(change["rows"], f" as {change['rows']} rows")
    click.echo(f"  line {change['line']}{fate}")
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    for message in change["messages"]:
        role = " -> ".join(dict.fromkeys(role for role in (message["before"], message["after"]) if role))
        text = "".join(marks[piece["kind"]].format(piece["text"]) for piece in message["pieces"])
        click.echo(f"    {role}: {' '.join(text.split())}")


def show_recommendation(answer: Mapping[str, Any]) -> None:
    """Whether to fine-tune at all, the recommended models with their reasons, then those that are out."""
    gate = answer["gate"]
    click.echo(f"{gate['verdict'].replace('_', ' ')}: {gate['message']}")
    for number, item in enumerate(answer["recommendations"]):
        gated = ", gated" if item["is_gated"] else ""
        click.echo(
            f"{item['rank']}. {item['model_name']} ({item['model_id']}, {item['method']}{gated})  {item['score']:.2f}"
        )
        if number < _WITH_REASONS:
            for reason in item["reasons"]:
                click.echo(f"     {reason}")
            settings = ", ".join(f"{setting['name']} {setting['value']}" for setting in item["settings"])
            click.echo(f"     Settings: {settings}.")
    click.echo(f"The reasons of the first {_WITH_REASONS} are shown, with --json those of all.")
    for item in answer["excluded"]:
        click.echo(f"-  {item['model_id']}: {item['reason']}")
    for change in answer["sensitivity"]:
        click.echo(f"?  {change['text']}")


def show_models(models: Sequence[Mapping[str, Any]]) -> None:
    """The catalogue, a line a model."""
    for model in models:
        gated = "gated" if model["gated"] else "open"
        click.echo(
            f"{model['id']:<18} {model['size']:>6}  {model['context_length']:>7,} tokens  {model['license']:<12} "
            f"{gated:<6} {model['hub_id']}"
        )


def show_estimate(answer: Mapping[str, Any]) -> None:
    """Memory by component, then time and cost as ranges."""
    memory = answer["memory_gib"]
    for name, gib in memory["parts"].items():
        click.echo(f"{name:<12} {gib:8.2f} GiB")
    words = {"fits": "fits", "tight": "tight", "no": "does not fit", "needs_bf16": "needs bf16, which the card has not"}
    click.echo(f"at the peak  {_range(memory, '.1f')} GiB of {memory['card']:g}: {words[answer['fit']]}")
    click.echo(f"a million tokens: {_range(answer['minutes_per_million_tokens'], '.3g')} minutes")
    _show_costs(answer["costs_per_million_tokens"])
    for provider in answer["unpriced"]:
        click.echo(f"  {provider} has this card; what it costs there is not known")
    if run := answer["run"]:
        click.echo(f"the whole run, {run['tokens']:,} tokens: {_range(run['minutes'], '.3g')} minutes")
        _show_costs(run["costs"])


def _show_costs(costs: Sequence[Mapping[str, Any]]) -> None:
    for cost in costs:
        doubt = "" if cost["verified"] else ", not verified"
        click.echo(
            f"  {cost['provider']}: {_range(cost['money'], '.2g')} {cost['currency']} "
            f"({_range(cost['units'], '.2g')} {cost['unit']}; {cost['as_of']}{doubt})"
        )


def _range(values: Mapping[str, float], form: str) -> str:
    return f"{values['mid']:{form}} ({values['low']:{form}} to {values['high']:{form}})"


def show_checks(answer: Mapping[str, Any]) -> None:
    """The lines of a receipt: what matches, what no longer does, and what this machine cannot tell."""
    for item in answer["checks"]:
        word = {True: "matches", False: "DIFFERS", None: "unknown"}[item["matches"]]
        found = f", here {item['found']}" if item["matches"] is False else ""
        click.echo(f"{word:<8} {item['name']:<14} {item['receipt']}{found}")
    click.echo("the run would see the same rows" if answer["matches"] else "the run would not be the same")


def _show_failure(error: Mapping[str, Any]) -> None:
    """The error of a run; where its cause is known, that, what to do, and the settings that may help."""
    click.echo(f"error: {error['message']}")
    failure = error["failure"]
    if not failure["cause"]:
        return
    click.echo(f"why: {failure['cause']}. {failure['sentence']}")
    if failure["hint"]:
        click.echo(f"     {failure['hint']}")
    if failure["change"]:
        options = " ".join(_set_option(name, value) for name, value in failure["change"].items())
        click.echo(f"make the notebook again with {options}")


def _set_option(name: str, value: Any) -> str:
    return f"--set {name}={value if isinstance(value, str) else json.dumps(value)}"


def show_run(report: Mapping[str, Any]) -> None:
    """How a run ended, what it measured, and one answer before and after, of those that became worse if any did."""
    from webapp.training.report_page import figure_rows

    cells, loss = report["cells"], report["loss"]
    click.echo(f"{report['status']} in {report['seconds']:.1f} s, {cells['executed']} of {cells['total']} cells")
    if report["error"]:
        _show_failure(report["error"])
    if loss["eval_before"] is not None:
        click.echo(
            f"{report['rows']['train']} rows trained on, {report['rows']['eval']} held out, {report['steps']} steps"
        )
        for row in figure_rows(report):
            click.echo(f"{row['label']:<20} {row['before']} before, {row['after']} after")
    for alarm in report["alarms"]:
        click.echo(f"alarm: {alarm['message']}")
    if merged := (report["export"] or {}).get("merged"):
        click.echo(merged["message"])
    if report["miniature"]:
        click.echo("(a miniature model: its figures mean nothing for the real one)")
    for sample in report["samples"][:1]:
        for name in ("prompt", "before", "after", "reference"):
            click.echo(f"{name + ':':<10} {' '.join(sample[name].split())[:300]}")
