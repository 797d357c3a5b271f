"""Who may come in where: what each route asks of whoever calls it, in one table."""

from typing import Literal

from flask import Flask, request
from werkzeug.exceptions import RequestEntityTooLarge

from webapp.accounts import Permission
from webapp.api.context import caller
from webapp.api.rate_limits import PROGRESS

# Of bodies that anyone may send: sign-ins and the like.
EVERYONES_BODY_BYTES = 16 * 1024

# `person` is for people themselves: whatever a key may do, it does not come in.
Access = Permission | Literal["everyone", "person"]

# Everyone's are what says nothing of anyone's data, and what checks a token of its own: links, tickets, progress.
ACCESS: dict[str, Access] = {
    "static": "everyone",
    "openapi.spec": "everyone",
    "pages.docs": "everyone",
    "pages.estimates": "everyone",
    "service.index": "everyone",
    "service.health": "everyone",
    "service.ready": "everyone",
    "metrics.metrics": "everyone",
    "models.estimate": "everyone",
    "models.model": "everyone",
    "models.models": "everyone",
    "notebooks.download": "everyone",
    "rows.linked_rows": "everyone",
    "auth.register": "everyone",
    "auth.login": "everyone",
    "auth.refresh": "everyone",
    "auth.logout": "everyone",
    "progress.handed_over_notebook": "everyone",
    "progress.progress": "everyone",
    "streams.stream": "everyone",
    "streams.socket_stream": "everyone",
    "pages.sign_in": "everyone",
    "pages.register": "everyone",
    "pages.sign_out": "everyone",
    "pages.set_theme": "everyone",
    # Looking.
    "auth.profile": "read",
    "auth.audit": "read",
    "datasets.analyze": "read",
    "datasets.datasets": "read",
    "datasets.distribution": "read",
    "datasets.duplicates": "read",
    "datasets.issue_lines": "read",
    "datasets.preview": "read",
    "datasets.rendered": "read",
    "fixes.export": "read",
    "fixes.versions": "read",
    "job_files.artifact": "read",
    "job_files.artifacts": "read",
    "job_files.job_events": "read",
    "job_files.job_logs": "read",
    "job_files.job_report": "read",
    "jobs.job": "read",
    "jobs.jobs": "read",
    "part_uploads.show": "read",
    "recommendations.recommend": "read",
    "rows.data_links": "read",
    "rows.rows_file": "read",
    "streams.ticket": "read",
    "pages.dataset": "read",
    "pages.fix": "read",
    "pages.notebook": "read",
    "pages.preview": "read",
    "pages.history": "read",
    "pages.result": "read",
    "pages.models": "read",
    "pages.plan": "read",
    "pages.check_plan": "read",
    "pages.rows": "read",
    "pages.run": "read",
    "pages.run_curves": "read",
    "pages.try_prompts": "read",
    # Making and changing; a run with the real model asks for `train` besides, where it is ordered.
    "datasets.claim": "write",
    "datasets.map_columns": "write",
    "fixes.fix": "write",
    "fixes.redo": "write",
    "fixes.undo": "write",
    "jobs.cancel_job": "write",
    "jobs.change_job": "write",
    "jobs.create_job": "write",
    "jobs.resume_job": "write",
    "jobs.run_job": "write",
    "notebooks.generate": "write",
    "notebooks.open_in_colab": "write",
    "part_uploads.add_part": "write",
    "part_uploads.begin": "write",
    "part_uploads.cancel": "write",
    "part_uploads.complete": "write",
    "progress.progress_token": "train",
    "trying.ask": "write",
    "trying.stop": "write",
    "uploads.upload": "write",
    "uploads.upload_raw": "write",
    "uploads.upload_sample": "write",
    "pages.ask_both": "write",
    "pages.analyse_again": "write",
    "pages.arrive": "write",
    "pages.cancel_analysis": "write",
    "pages.cancel_fix": "write",
    "pages.cancel_run": "write",
    "pages.make_notebook": "write",
    "pages.map_columns": "write",
    "pages.open_in_colab": "write",
    "pages.opened_in_colab": "write",
    "pages.put_away": "write",
    "pages.redo_fix": "write",
    "pages.remake_notebook": "write",
    "pages.resume_run": "write",
    "pages.start_dry_run": "write",
    "pages.start_fix": "write",
    "pages.start_run": "write",
    "pages.stop_answer": "write",
    "pages.undo_fix": "write",
    "pages.upload": "write",
    "pages.use_sample": "write",
    # One's own account.
    "auth.api_keys": "admin",
    "auth.make_key": "admin",
    "auth.revoke_key": "admin",
    "pages.settings": "admin",
    "pages.make_key": "admin",
    "pages.revoke_key": "admin",
    "auth.delete_account": "person",
    "pages.confirm_account_deletion": "person",
    "pages.delete_account": "person",
    # Taking away.
    "datasets.delete_dataset": "delete",
    "jobs.delete_job": "delete",
    "notebooks.delete_notebook": "delete",
    "rows.revoke_link": "delete",
    "pages.confirm_dataset_deletion": "delete",
    "pages.confirm_notebook_deletion": "delete",
    "pages.confirm_run_deletion": "delete",
    "pages.delete_dataset": "delete",
    "pages.delete_notebook": "delete",
    "pages.delete_run": "delete",
    "pages.revoke_link": "delete",
}


def install(app: Flask) -> None:
    """Has every request judged before its handler is called."""
    app.before_request(refuse_strangers)
    app.before_request(_bound_bodies)


def require_rules(app: Flask) -> None:
    """Raises LookupError for an application with a route that nobody said anything of."""
    missing = {rule.endpoint for rule in app.url_map.iter_rules()} - set(ACCESS)
    if missing:
        raise LookupError(f"say in ACCESS who may call {', '.join(sorted(missing))}")


def refuse_strangers() -> None:
    """Raises Problem `sign_in_required`, `permission_missing`, `not_for_keys`, or that of an invalid credential."""
    if request.endpoint is None:
        return  # nothing is at this address
    needed = ACCESS[request.endpoint]
    if needed == "person":
        caller().require_person()
    elif needed != "everyone":
        caller().require(needed)


def _bound_bodies() -> None:
    """What anyone may send is small, or is refused before any of it is read; a run's notebook shows its token first."""
    if request.endpoint != PROGRESS and ACCESS.get(request.endpoint or "") == "everyone":
        request.max_content_length = EVERYONES_BODY_BYTES
        if (request.content_length or 0) > EVERYONES_BODY_BYTES:
            raise RequestEntityTooLarge
