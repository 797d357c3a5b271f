"""The report as a page of its own: no script, nothing from another server, every value escaped."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from webapp.training.curve import loss_curve

METRIC_NAMES = {
    "label_accuracy": "label accuracy",
    "exact_match": "exact match",
    "macro_f1": "macro F1",
    "field_accuracy": "JSON field accuracy",
    "json_validity": "valid JSON",
    "rouge_l": "ROUGE-L",
}

MINIATURE_NOTE = (
    "This was a dry run on a miniature of the model: it proves that the notebook runs on these rows. Its losses, "
    "metrics and answers mean nothing for the real model."
)

STYLE = """
:root { color-scheme: light dark; --line: #8886; --quiet: #767676; --bad: #c0392b; --good: #1e8449; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } th, td { border-bottom: 1px solid var(--line); padding: .4rem .6rem;
text-align: left; vertical-align: top; } td.figure { font-variant-numeric: tabular-nums; }
.alarm, .note { border-left: 4px solid var(--quiet); padding-left: 1rem; } .alarm { border-color: var(--bad); }
article { border-top: 1px solid var(--line); padding: .5rem 0; } .answers { display: grid; gap: 1rem;
grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); } .text { white-space: pre-wrap; overflow-wrap: anywhere;
unicode-bidi: isolate; margin: 0; } dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
.worse { color: var(--bad); } .better { color: var(--good); } svg { width: 100%; height: auto; }
"""


def figure_rows(report: Mapping[str, Any]) -> list[dict[str, str]]:
    """The figures of a report as text, in the order of every display: `{label, before, after, change}`.

    Intervals stand in brackets; the change is that of the mean, with its interval.
    """
    loss, interval, metrics = report["loss"], report.get("interval") or {}, report.get("metrics") or {"figures": []}
    rows = [figure_row("Held-out loss", loss["eval_before"], loss["eval_after"], interval.get("loss"))]
    if perplexity := report.get("perplexity"):
        bounds = interval.get("perplexity")
        rows.append(figure_row("Perplexity", perplexity["before"], perplexity["after"], bounds))
    for figure in metrics["figures"]:
        label = METRIC_NAMES.get(figure["name"], figure["name"])
        rows.append(figure_row(label[:1].upper() + label[1:], figure["before"], figure["after"], figure["interval"]))
    return rows


def figure_row(label: str, before: float, after: float, interval: Mapping[str, Any] | None) -> dict[str, str]:
    """One figure, its interval behind each number."""
    bounds = interval or {}
    return {
        "label": label,
        "before": with_interval(f"{before:.4g}", bounds.get("before")),
        "after": with_interval(f"{after:.4g}", bounds.get("after")),
        "change": with_interval(f"{after - before:+.4g}", bounds.get("change")),
    }


def with_interval(text: str, bounds: Iterable[float] | None) -> str:
    """The number, and its interval where there is one."""
    return f"{text} [{', '.join(f'{bound:.4g}' for bound in bounds)}]" if bounds else text


def report_html(report: Mapping[str, Any]) -> str:
    """The whole page of a report: alarms, figures, loss curve, answers side by side, and what the run was made of."""
    title = f"{report['method']} fine-tune of {report['base_model']}"
    loss = report["loss"]
    evaluations = [(0, loss["eval_before"]), *report["training"]["evaluations"]]
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">',
        """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">""",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n<h1>{escape(title)}</h1>",
        f'<p class="note">{MINIATURE_NOTE}</p>' if report["miniature"] else "",
        *(f'<p class="alarm"><strong>{escape(alarm["code"])}</strong>: {escape(alarm["message"])}</p>'
          for alarm in report["alarms"]),
        figures_table(report),
        "<h2>Loss</h2>",
        loss_curve(loss["train"], evaluations),
        f"<h2>Answers</h2>\n<p>{escape(answers_in_words(report))}</p>",
        *map(sample_article, report["samples"]),
        "<h2>The run</h2>",
        facts_list(report),
    ]  # fmt: skip
    return "\n".join(part for part in parts if part) + "\n</html>\n"


def answers_in_words(report: Mapping[str, Any]) -> str:
    """How many answers were compared, and how many of them are worse than before."""
    metrics = report["metrics"]
    if not metrics["figures"]:
        return "No answers were compared."
    name = metrics["figures"][0]["name"]
    return (
        f"{metrics['worse']} of {metrics['answers']} answers to held-out prompts score lower than before "
        f"({METRIC_NAMES.get(name, name)}); {len(report['samples'])} are shown, regressions first."
    )


def figures_table(report: Mapping[str, Any]) -> str:
    """The figures as a table that says how its intervals were made."""
    interval = report["interval"]
    caption = (
        f"{interval['level']:.0%} intervals in brackets: bootstrap over {interval['conversations']} held-out "
        f"conversations, {interval['resamples']} resamples."
    )
    rows = [
        f'<tr><th scope="row">{escape(row["label"])}</th>'
        + "".join(f'<td class="figure">{escape(row[name])}</td>' for name in ("before", "after", "change"))
        for row in figure_rows(report)
    ]
    head = "".join(f'<th scope="col">{name}</th>' for name in ("On held-out rows", "Before", "After", "Change"))
    return f"<table>\n<caption>{caption}</caption>\n<tr>{head}</tr>\n" + "</tr>\n".join(rows) + "</tr>\n</table>"


def sample_article(sample: Mapping[str, Any]) -> str:
    """One prompt with its answers before and after beside the data's own."""
    metric = METRIC_NAMES.get(sample["metric"], sample["metric"])
    sides = (
        ("before", f"Before: {metric} {sample['score_before']:.2f}, loss {sample['loss_before']:.3f}"),
        ("after", f"After: {metric} {sample['score_after']:.2f}, loss {sample['loss_after']:.3f}"),
        ("reference", "In the data"),
    )
    answers = "".join(
        f'<div><h4>{escape(heading)}</h4><p class="text" dir="auto">{escape(sample[name]) or "(nothing)"}</p></div>'
        for name, heading in sides
    )
    unended = "" if sample["ended"] else ", not ended by itself"
    return (
        f'<article><h3 class="text" dir="auto">{escape(sample["prompt"])}</h3>\n'
        f'<p class="{escape(sample["verdict"])}">{escape(sample["verdict"])}{unended}</p>\n'
        f'<div class="answers">{answers}</div></article>'
    )


def facts_list(report: Mapping[str, Any]) -> str:
    """What the run was made of, as a list of names and values."""
    rows = report["rows"]
    facts = {
        "Base model": f"{report['base_model']}, licence {report['license']}",
        "Data (SHA-256)": report["dataset_sha256"],
        "Chat template (SHA-256)": report["template_sha256"],
        "Rows": f"{rows['train']} trained on, {rows['eval']} held out, {rows['cut']} cut",
        "Steps": report["steps"],
        "Machine": report["hardware"],
        "Versions": ", ".join(f"{name} {number}" for name, number in report["versions"].items()),
        "Parameters": ", ".join(f"{name} = {value!r}" for name, value in report["parameters"].items()),
    }
    if made := report.get("export"):
        facts["Export"] = "; ".join(part["message"] for part in made.values())
    items = "".join(f"<dt>{name}</dt><dd>{escape(str(value))}</dd>\n" for name, value in facts.items())
    return f"<dl>\n{items}</dl>"
