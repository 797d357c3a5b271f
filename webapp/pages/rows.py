"""The rows of a dataset: all of them, those of an issue, those that hold some words, from a line on; as a model too."""

from typing import Any, NamedTuple

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.context import caller, services
from webapp.catalog import models
from webapp.datasets import Analysis
from webapp.datasets.browsing import Wanted
from webapp.datasets.marks import LISTED
from webapp.pages.bubbles import conversations, readings
from webapp.pages.wording import words

BAD_LINES = "invalid_lines"
_ROWS, _READ_ROWS, _BAD_LINES = 20, 5, 20
_LONGEST = 200
# What can be chosen by beside the issues, where some rows are so and some are not.
_KINDS = {"multi_turn": "several turns", "tool_calls": "calls of tools"}


class View(NamedTuple):
    """What is asked for: which rows, as which model reads them, and whether one of them alone."""

    wanted: Wanted
    model_id: str
    alone: bool

    @classmethod
    def asked(cls) -> "View":
        """What the query string says."""
        line = request.args.get("line", "")
        wanted = Wanted(
            line=int(line) if line.isascii() and line.isdecimal() and len(line) < 12 else 1,
            code=request.args.get("issue", ""),
            text=request.args.get("q", "").strip()[:_LONGEST],
        )
        return cls(wanted, request.args.get("as", ""), "alone" in request.args)

    @property
    def page_size(self) -> int:
        """Rows on a page."""
        return 1 if self.alone else _READ_ROWS if self.model_id else _ROWS

    def address(self, dataset_id: str, line: int | None, **changes: Any) -> str | None:
        """The address of the page from a line on, None where there is none; `changes` to the query string."""
        if line is None:
            return None
        query = {
            "q": self.wanted.text or None,
            "issue": self.wanted.code or None,
            "as": self.model_id or None,
            "alone": "1" if self.alone else None,
        }
        return url_for("pages.rows", dataset_id=dataset_id, **(query | {"line": line} | changes))


def add_to(bp: Blueprint) -> None:
    """Registers this page."""
    bp.get("/datasets/<dataset_id>/rows", endpoint="rows")(show)


def show(dataset_id: str) -> ResponseReturnValue:
    """One page of rows; the query string says which."""
    view = View.asked()
    state = workflow.dataset_state(services(), caller(), dataset_id)
    report = state.finished()
    shown = {"dataset": state.dataset, "report": report, "view": view, "wanted": view.wanted}
    shown |= {"issues": _issues(report), "readers": _readers()}
    if view.wanted.code == BAD_LINES:
        bad = workflow.bad_lines(services(), state, view.wanted.line, _BAD_LINES)
        return render_template("bad_lines.html", bad=bad, **_around(dataset_id, view, bad), **shown)
    found = workflow.browse(services(), state, view.wanted, view.page_size)
    read = readings(workflow.as_read(found.examples, view.model_id)) if view.model_id else []
    return render_template(
        "rows.html",
        found=found,
        rows=conversations(found.examples, view.wanted.text) if not read else [],
        readings=list(zip(found.examples, read, strict=False)),
        address=lambda line, **changes: view.address(dataset_id, line, **changes),
        **_around(dataset_id, view, found),
        **shown,
    )


def _around(dataset_id: str, view: View, found: Any) -> dict[str, str | None]:
    return {
        "next_url": view.address(dataset_id, found.next),
        "before_url": view.address(dataset_id, found.before),
    }


def _issues(report: Analysis) -> dict[str, str]:
    """What rows can be chosen by, and how many there are of each."""
    found = {issue.code: issue.count for issue in report.quality_issues}
    found |= {kind: hits.examples for kind, hits in report.privacy.kinds.items()}
    options = {"": "all rows"} | {code: f"{words(code)} ({count:,})" for code, count in found.items() if code in LISTED}
    shares = {
        "multi_turn": report.distribution.multi_turn_percentage / 100,
        "tool_calls": report.characteristics.tool_call_share,
    }
    options |= {kind: name for kind, name in _KINDS.items() if 0 < shares[kind] < 1}
    if report.invalid_lines.count:
        options[BAD_LINES] = f"bad lines ({report.invalid_lines.count:,})"
    return options


def _readers() -> dict[str, str]:
    """As what rows can be shown."""
    names = {model.id: f"{model.name} reads them ({model.template_family})" for model in models()}
    return {"": "conversations"} | names
