"""What is wrong with a dataset, at a glance: by severity, each with its rows, and with the fix that would mend it."""

import json
import re
from dataclasses import dataclass

from flask import url_for

from webapp.datasets import Analysis
from webapp.datasets.issue_fixes import ISSUE_OPERATIONS
from webapp.datasets.marks import LISTED
from webapp.datasets.report import Issue, Severity
from webapp.pages.fixes import labels
from webapp.pages.rows import BAD_LINES

# What each severity means, and its name for one and for many.
_SEVERITIES: dict[Severity, tuple[str, str, str]] = {
    "error": ("In the way of training", "error", "errors"),
    "warning": ("Worth mending first", "warning", "warnings"),
    "info": ("Good to know", "note", "notes"),
}
# Advice names the command that does it; here a button does.
_COMMAND = re.compile(r"(: | \()tunebook fix [^.)]*\)?")


@dataclass(frozen=True)
class Finding:
    """An issue, what to do about it, where its rows are (None: nowhere in particular), and the fix to try, if any.

    `operations` are those of the fix, as JSON.
    """

    issue: Issue
    advice: str
    rows_url: str | None
    operations: str
    label: str


@dataclass(frozen=True)
class Group:
    """All findings of a severity, under a heading; `tag` is the severity's name for one, `name` that for so many."""

    severity: Severity
    heading: str
    tag: str
    name: str
    findings: list[Finding]


def problems(dataset_id: str, report: Analysis) -> list[Group]:
    """The groups that have any findings, the gravest first."""
    found = []
    for severity, (heading, one, many) in _SEVERITIES.items():
        findings = [_finding(dataset_id, issue) for issue in report.quality_issues if issue.severity == severity]
        if findings:
            found.append(Group(severity, heading, one, one if len(findings) == 1 else many, findings))
    return found


def advice(fix: str) -> str:
    """What to do about an issue, without the command for it."""
    return _COMMAND.sub("", fix)


def _finding(dataset_id: str, issue: Issue) -> Finding:
    has_rows = issue.code in LISTED or issue.code == BAD_LINES
    operation = ISSUE_OPERATIONS.get(issue.code)
    return Finding(
        issue,
        advice(issue.fix),
        url_for("pages.rows", dataset_id=dataset_id, issue=issue.code) if has_rows else None,
        json.dumps([operation]) if operation else "",
        labels()[operation["name"]] if operation else "",
    )
