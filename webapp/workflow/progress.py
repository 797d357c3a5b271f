"""A notebook that a person runs somewhere reports to its job, by a token that is good for nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from webapp.accounts import Caller
from webapp.errors import Problem
from webapp.jobs.elsewhere import Ending, Heard, hand_over, hear
from webapp.notebooks.failures import decode
from webapp.storage import links
from webapp.storage.tables import Job, Notebook, utc_now
from webapp.workflow.lookup import canonical_id, find_run
from webapp.workflow.services import Services


@dataclass(frozen=True)
class ProgressToken:
    """What a notebook is given: the path to report to, and the token, good until it expires."""

    path: str
    token: str
    expires_at: datetime


@dataclass(frozen=True)
class CellError:
    """The error that ended a notebook: the name and the text of the exception."""

    name: str
    value: str


def progress_token(services: Services, caller: Caller, job_id: str) -> ProgressToken:
    """Hands a created run over to its notebook, wherever a person runs that; again is fine until it has started.

    Raises Problem `job_not_found`, `not_a_run`, or `invalid_transition` (409).
    """
    with services.db.session() as session:
        job = find_run(session, caller, job_id)
        if job.kind != "run":
            raise Problem("not_a_run", "A dry run is made on this machine: order a run.", status=409)
        made = sign_progress(services, job.id, services.settings.link_seconds)
        hand_over(session, job.id, made.expires_at)
        return made


def sign_progress(services: Services, job_id: str, seconds: int) -> ProgressToken:
    """What the notebook of the job needs to report for so long; an executor may give it to the one that it runs."""
    token = links.sign(services.secret, _signed_for(job_id), seconds)
    return ProgressToken(f"/jobs/{job_id}/progress", token, utc_now() + timedelta(seconds=seconds))


def check_progress_token(services: Services, job_id: str, token: str) -> datetime:
    """When the token expires; raises Problem `invalid_progress_token` or `progress_token_expired` (401)."""
    try:
        return datetime.fromtimestamp(links.verify(services.secret, _signed_for(canonical_id(job_id)), token), UTC)
    except Problem as problem:
        if problem.code == "link_expired":
            raise Problem(
                "progress_token_expired",
                "This token has expired. Ask for a new one and run the notebook again.",
                status=401,
            ) from None
        raise Problem("invalid_progress_token", "This is no progress token of this job.", status=401) from None


def report_progress(
    services: Services,
    token: str,
    job_id: str,
    run: str,
    steps: Sequence[Mapping[str, Any]],
    status: str | None = None,
    error: CellError | None = None,
) -> Heard:
    """Takes a report of the start `run` of a notebook; `status` is how it ended, `completed` or `failed`, if it has.

    Raises Problem as `check_progress_token`, or `job_not_found` where the job was deleted.
    """
    until = check_progress_token(services, job_id, token)
    job_id = canonical_id(job_id)
    ending = None
    if status == "failed":
        ending = Ending(_failure(services, job_id, error or CellError("Error", "the notebook did not say which")))
    elif status == "completed":
        ending = Ending()
    with services.db.session() as session:
        return hear(session, job_id, run, until, steps, ending)


def _failure(services: Services, job_id: str, error: CellError) -> dict[str, Any]:
    """The error of the job, and why it may have come to it."""
    with services.db.reading() as session:
        job = session.get(Job, job_id)
        notebook = session.get(Notebook, job.notebook_id) if job else None
    said = {
        "code": "cell_failed",
        "message": f"{error.name}: {error.value}",
        "ename": error.name,
        "evalue": error.value,
    }
    failure = decode(said, notebook.config if notebook else {}).to_dict()
    problem = Problem("cell_failed", said["message"], status=500, details={"failure": failure})
    return problem.to_dict()


def _signed_for(job_id: str) -> str:
    return f"jobs/{job_id}/progress"
