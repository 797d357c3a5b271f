"""A job is followed while it runs: by whoever may read it, or by who holds a ticket that was made for it."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from webapp.accounts import Caller
from webapp.errors import Problem
from webapp.jobs import Reader, read_events
from webapp.jobs.events import SHOWN
from webapp.jobs.states import FINAL
from webapp.storage.digests import sha256_of
from webapp.storage.tables import StreamTicket, utc_now
from webapp.workflow.lookup import canonical_id, find_job
from webapp.workflow.services import Services

_TICKET_SECONDS = 60


@dataclass(frozen=True)
class Ticket:
    """Opens one stream of one job, once, before it expires."""

    ticket: str
    job_id: str
    expires_at: datetime


@dataclass(frozen=True)
class Stream:
    """An open stream, to be closed; `over` says that the job has ended and nothing was left to tell."""

    reader: Reader
    over: bool


def issue_ticket(services: Services, caller: Caller, job_id: str) -> Ticket:
    """A new ticket for a stream of the job; raises Problem `job_not_found`."""
    ticket = secrets.token_urlsafe(32)
    expires_at = utc_now() + timedelta(seconds=_TICKET_SECONDS)
    with services.db.session() as session:
        session.execute(delete(StreamTicket).where(StreamTicket.expires_at <= utc_now()))
        job = find_job(session, caller, job_id)
        session.add(
            StreamTicket(ticket_sha256=sha256_of(ticket), job_id=job.id, owner=caller.id, expires_at=expires_at)
        )
        return Ticket(ticket, job.id, expires_at)


def open_stream(services: Services, caller: Caller, job_id: str, after: int, ticket: str | None = None) -> Stream:
    """The events of the job after a `seq`, then what comes; for who holds the ticket if there is one.

    Raises Problem `too_many_streams` (503), `invalid_ticket` (401) or `job_not_found` (404).
    """
    # First, so that a refusal does not cost the ticket.
    services.tailer.refuse_when_full()
    if ticket is not None:
        with services.db.session() as session:
            caller = _redeem(session, job_id, ticket)
    with services.db.reading() as session:
        job = find_job(session, caller, job_id)
        found = job.id
        over = job.status in FINAL and not read_events(session, found, after, 1, SHOWN)
    return Stream(services.tailer.open(found, after), over)


def _redeem(session: Session, job_id: str, ticket: str) -> Caller:
    """Who the ticket was made for. One statement, so that of two processes only one takes it."""
    statement = (
        delete(StreamTicket)
        .where(
            StreamTicket.ticket_sha256 == sha256_of(ticket),
            StreamTicket.job_id == canonical_id(job_id),
            StreamTicket.expires_at > utc_now(),
        )
        .returning(StreamTicket.owner)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise Problem(
            "invalid_ticket",
            "This ticket is not valid for this job, has expired, or was used. Ask for a new one.",
            status=401,
            param="ticket",
        )
    return Caller(row.owner, local=row.owner is None)  # only the local person makes rows that have no owner
