"""The rows of a dataset: all of them, those of an issue, those that hold some words, from a line on."""

import re

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape

from webapp import workflow
from webapp.api.context import caller, services
from webapp.datasets import Analysis
from webapp.datasets.browsing import Wanted
from webapp.datasets.marks import LISTED
from webapp.pages.wording import words

_ROWS = 20
_LONGEST = 200


def add_to(bp: Blueprint) -> None:
    """Registers this page."""
    bp.get("/datasets/<dataset_id>/rows", endpoint="rows")(show)


def show(dataset_id: str) -> ResponseReturnValue:
    """One page of rows; the query string says which."""
    wanted = _wanted()
    state = workflow.dataset_state(services(), caller(), dataset_id)
    report = state.finished()
    found = workflow.browse(services(), state, wanted, _ROWS)
    return render_template(
        "rows.html",
        dataset=state.dataset,
        report=report,
        wanted=wanted,
        found=found,
        issues=_issues(report),
        next_url=_page(dataset_id, wanted, found.next),
        before_url=_page(dataset_id, wanted, found.before),
    )


def highlighted(text: str, sought: str) -> Markup:
    """The text with every place of what was sought marked."""
    if not sought:
        return escape(text)
    pieces = re.split(f"({re.escape(sought)})", text, flags=re.IGNORECASE)
    marked = Markup("<mark>{}</mark>")
    return Markup("").join(marked.format(piece) if place % 2 else escape(piece) for place, piece in enumerate(pieces))


def _wanted() -> Wanted:
    line = request.args.get("line", "")
    return Wanted(
        line=int(line) if line.isascii() and line.isdecimal() and len(line) < 12 else 1,
        code=request.args.get("issue", ""),
        text=request.args.get("q", "").strip()[:_LONGEST],
    )


def _page(dataset_id: str, wanted: Wanted, line: int | None) -> str | None:
    """The address of the page from a line on."""
    if line is None:
        return None
    return url_for("pages.rows", dataset_id=dataset_id, q=wanted.text or None, issue=wanted.code or None, line=line)


def _issues(report: Analysis) -> dict[str, str]:
    """What rows can be chosen by, and how many there are of each."""
    found = {issue.code: issue.count for issue in report.quality_issues}
    found |= {kind: hits.examples for kind, hits in report.privacy.kinds.items()}
    return {"": "all rows"} | {code: f"{words(code)} ({count:,})" for code, count in found.items() if code in LISTED}
