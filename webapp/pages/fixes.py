"""Mending a dataset in the browser: what each operation would do, a preview, a new version, and the way back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.context import caller, services
from webapp.datasets import Analysis
from webapp.datasets.repair import IN_ORDER, Operation, SplitLong, ValidationSplit
from webapp.errors import Problem
from webapp.pages.calling_off import call_off
from webapp.pages.fix_changes import changes
from webapp.pages.forms import typed_number
from webapp.plurals import counted

# The settings of operations on the page, by operation; the others keep their default.
_SETTINGS = {"dedupe": ("kind",), "split_long": ("max_tokens",), "validation_split": ("share",)}


# What the preview of the ticked fixes is ordered with; an issue's button says its operations instead.
_BY_CHECKBOX = "1"


@dataclass(frozen=True)
class Offer:
    """One operation as a checkbox: `found` says how much there is for it to do, where the analysis knows."""

    name: str
    label: str
    hint: str
    found: str


def add_to(bp: Blueprint) -> None:
    """Registers these pages."""
    bp.get("/datasets/<dataset_id>/fixes/<job_id>", endpoint="fix")(show)
    bp.post("/datasets/<dataset_id>/fixes/<job_id>/cancel", endpoint="cancel_fix")(cancel)
    bp.post("/datasets/<dataset_id>/versions/undo", endpoint="undo_fix")(undo)
    bp.post("/datasets/<dataset_id>/versions/redo", endpoint="redo_fix")(redo)


def show(dataset_id: str, job_id: str) -> ResponseReturnValue:
    """How a fix stands; what it would do, or that there is nothing to do; after a fix the new version's own page."""
    job = _find(dataset_id, job_id)
    result = job.result or {}
    if result.get("version_id") not in (None, dataset_id):
        return redirect(url_for("pages.dataset", dataset_id=result["version_id"]), 303)
    return render_template(
        "fix.html",
        job=job,
        dataset_id=dataset_id,
        result=result,
        changes=changes(result["report"]["operations"]) if result else {},
        problem=Problem.from_dict(job.error) if job.error else None,
        labels=labels(),
    )


def cancel(dataset_id: str, job_id: str) -> ResponseReturnValue:
    """Calls the fix off; one that has ended meanwhile is shown."""
    call_off(_find(dataset_id, job_id).id)
    return redirect(url_for("pages.fix", dataset_id=dataset_id, job_id=job_id), 303)


def undo(dataset_id: str) -> ResponseReturnValue:
    """Goes back one version."""
    return _in_use(workflow.undo(services(), caller(), dataset_id))


def redo(dataset_id: str) -> ResponseReturnValue:
    """Goes forward one version."""
    return _in_use(workflow.redo(services(), caller(), dataset_id))


def offers(report: Analysis | None) -> list[Offer]:
    """The operations, with what the analysis found for them to do."""
    found = _found(report) if report else {}
    return [Offer(name, kind.label, kind.hint, found.get(name, "")) for name, kind in _kinds().items()]


def defaults() -> dict[str, Any]:
    """What the settings on the page begin with."""
    return {"max_tokens": SplitLong().max_tokens, "share": ValidationSplit().share}


def labels() -> dict[str, str]:
    """The operations' names as people read them."""
    return {name: kind.label for name, kind in _kinds().items()}


def read_operations(form: Mapping[str, str]) -> Any:
    """The operations of the form with checkboxes, of a preview that is to be applied, or of an issue's own button.

    Raises Problem `invalid_operation` where there are none.
    """
    spelled = form.get("operations") or form.get("preview", "")
    if spelled not in ("", _BY_CHECKBOX):
        try:
            return json.loads(spelled)
        except ValueError:
            raise Problem("invalid_operation", "This form is not one of Tunebook's.", param="operations") from None
    ticked = [{"name": name} | _settings(name, form) for name in _kinds() if name in form]
    if not ticked:
        raise Problem("invalid_operation", "Tick at least one fix first.", param="operations")
    return ticked


def _find(dataset_id: str, job_id: str) -> workflow.JobStatus:
    job = workflow.job_status(services(), caller(), job_id)
    if job.kind != "fix" or job.session_id != dataset_id:
        raise Problem("job_not_found", "There is no job with this id.", status=404, param="job_id")
    return job


def _settings(name: str, form: Mapping[str, str]) -> dict[str, Any]:
    given = {setting: typed_number(form[setting]) for setting in _SETTINGS.get(name, ()) if form.get(setting)}
    # Of a whole number both a count and a share can be made.
    return {
        setting: int(value) if isinstance(value, float) and value.is_integer() else value
        for setting, value in given.items()
    }


def _in_use(found: workflow.Versions) -> ResponseReturnValue:
    return redirect(url_for("pages.dataset", dataset_id=found.current_id), 303)


def _kinds() -> dict[str, type[Operation]]:
    return {str(kind.__struct_config__.tag): kind for kind in IN_ORDER}


def _found(report: Analysis) -> dict[str, str]:
    counts = {issue.code: issue.count for issue in report.quality_issues}
    return {
        "strip_markers": f"{counted(report.characteristics.leaked_markers, 'conversation')} with markers in answers",
        "redact": counted(report.privacy.count, "hit"),
        "split_long": f"the longest has {counted(report.tokens.per_example.max, 'token')}",
        "drop_invalid": counted(report.invalid_lines.count, "row"),
        "drop_empty": counted(counts.get("no_trained_text", 0), "row"),
        "dedupe": f"{report.duplicates.exact:,} exact and {counted(report.duplicates.near, 'near duplicate')}",
    }
