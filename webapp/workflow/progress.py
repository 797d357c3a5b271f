"""A notebook that a person runs somewhere reports to its job, by a token that is good for nothing else."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from webapp.accounts import Caller
from webapp.errors import Problem
from webapp.jobs.elsewhere import Ending, Heard, hand_over, hear
from webapp.notebooks.failures import decode
from webapp.notebooks.reading import with_progress
from webapp.storage import links
from webapp.storage.tables import Job, Notebook
from webapp.workflow.colab import colab_address, is_https, words_of_failure
from webapp.workflow.lookup import canonical_id, find_run
from webapp.workflow.services import Services


@dataclass(frozen=True)
class ProgressToken:
    """What a notebook is given: the path to report to, and the token, good until it expires."""

    path: str
    token: str
    expires_at: datetime


@dataclass(frozen=True)
class HandedOver:
    """A run that its notebook will tell of; `notebook_path` fetches the notebook with `given` among its parameters.

    `colab_url` opens that in Colab, or is None and `reason` says why.
    """

    given: ProgressToken
    notebook_path: str
    colab_url: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class CellError:
    """The error that ended a notebook: the name and the text of the exception."""

    name: str
    value: str


def hand_over_run(services: Services, caller: Caller, job_id: str) -> HandedOver:
    """Hands a created run over to its notebook, wherever a person runs that; again is fine until it has started.

    Where TUNEBOOK_PUBLIC_URL is https it takes up to 3 seconds to see whether Colab can open it. No gist is made: it
    would hold the token. Raises Problem `job_not_found`, `not_a_run`, or `invalid_transition` (409).
    """
    with services.db.session() as session:
        job = find_run(session, caller, job_id)
        if job.kind != "run":
            raise Problem("not_a_run", "A dry run is made on this machine: order a run.", status=409)
        given = sign_progress(services, job.id, services.settings.link_seconds)
        hand_over(session, job.id, given.expires_at)
        notebook = session.get_one(Notebook, job.notebook_id)
    until = int(given.expires_at.timestamp())
    link = links.sign_until(services.secret, _notebook_of(job.id), until)
    made = HandedOver(given, f"/jobs/{job.id}/notebook/{link}/{quote(notebook.filename)}")
    if not is_https(services):
        return replace(made, reason="There is no https address in TUNEBOOK_PUBLIC_URL.")
    content = handed_over_notebook(services, job.id, link, notebook.filename, "")
    try:
        digest = hashlib.sha256(content).hexdigest()
        return replace(made, colab_url=colab_address(services, made.notebook_path, len(content), digest))
    except Problem as problem:
        return replace(made, reason=words_of_failure(problem))


def handed_over_notebook(services: Services, job_id: str, link: str, filename: str, base: str) -> bytes:
    """The notebook of a run that was handed over, its token in it; `base` is the app's address where none is set.

    Raises Problem `invalid_link`, `link_expired` or `notebook_not_found` (404).
    """
    try:
        until = links.verify(services.secret, _notebook_of(canonical_id(job_id)), link)
    except Problem as problem:
        raise Problem(problem.code, problem.message, status=404) from None
    with services.db.reading() as session:
        job = session.get(Job, canonical_id(job_id))
        notebook = session.get(Notebook, job.notebook_id) if job else None
    if notebook is None or notebook.filename != filename or not services.blobs.exists(notebook.blob):
        raise Problem("notebook_not_found", "There is no notebook at this address.", status=404)
    given = _signed(services, canonical_id(job_id), until)
    address = (services.settings.public_url or base).rstrip("/") + given.path
    return with_progress(services.blobs.path(notebook.blob).read_bytes(), address, given.token)


def sign_progress(services: Services, job_id: str, seconds: int) -> ProgressToken:
    """What the notebook of the job needs to report for so long; an executor may give it to the one that it runs."""
    return _signed(services, job_id, int(time.time()) + seconds)


def _signed(services: Services, job_id: str, until: int) -> ProgressToken:
    token = links.sign_until(services.secret, _signed_for(job_id), until)
    return ProgressToken(f"/jobs/{job_id}/progress", token, datetime.fromtimestamp(until, UTC))


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


def _notebook_of(job_id: str) -> str:
    return f"jobs/{job_id}/notebook"
