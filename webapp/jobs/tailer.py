"""Follows the log for all streams of this process: one thread asks the database, and hands on what is new."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import func, or_, select

from webapp.errors import Problem
from webapp.jobs.events import SHOWN, read_events
from webapp.jobs.messages import Message, event_message, progress_message
from webapp.jobs.readers import Reader, Watch
from webapp.jobs.states import FINAL
from webapp.storage import Database
from webapp.storage.tables import Job, JobEvent

# How often the database is asked while somebody listens: half of it is what an event waits on average.
_POLL_SECONDS = 0.025
_AWAY_SECONDS = 0.5
_AT_ONCE = 500
_RETRY_SECONDS = 5

STOPPING, DELETED = "stopping", "deleted"

_JOBS = (Job.id, Job.status, Job.progress, Job.message)
_EVENTS = (JobEvent.job_id, JobEvent.seq, JobEvent.attempt, JobEvent.at, JobEvent.type, JobEvent.data)

log = structlog.get_logger("tunebook.streams")


class Tailer:
    """At most `places` readers at a time; its thread lives as long as there are any. Holds no connection while it
    waits, outlives a database that is away, and is safe to share between threads.
    """

    def __init__(self, db: Database, places: int) -> None:
        self._db, self._places = db, places
        self._lock = threading.Lock()
        self._watches: dict[str, Watch] = {}
        # Also those of watches that have ended, whose last messages are still on their way.
        self._readers: set[Reader] = set()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def open_readers(self) -> int:
        """How many readers are open."""
        return len(self._readers)

    def open(self, job_id: str, after: int = 0) -> Reader:
        """A reader of the events of an existing job whose `seq` is greater than `after`; close it.

        Raises Problem `too_many_streams` (503).
        """
        with self._db.reading() as session:
            newest = session.scalar(select(func.max(JobEvent.seq)).where(JobEvent.job_id == job_id)) or 0
        with self._lock:
            self._refuse_when_full()
            # All up to `newest` is in the log for the reader to find; what comes after is handed on.
            watch = self._watches.setdefault(job_id, Watch(job_id, newest))
            reader = Reader(watch, self._lock, self._fetch, after, self._release)
            watch.readers.add(reader)
            self._readers.add(reader)
            if self._stopping.is_set():
                watch.ended = STOPPING
            elif self._thread is None:
                self._thread = threading.Thread(target=self._work, name="tailer", daemon=True)
                self._thread.start()
        return reader

    def refuse_when_full(self) -> None:
        """Raises Problem `too_many_streams` (503) when there is no place for another reader."""
        with self._lock:
            self._refuse_when_full()

    def stop(self) -> None:
        """Ends every reader, for good: the process is about to end."""
        self._stopping.set()
        with self._lock:
            for watch in list(self._watches.values()):
                self._end(watch, STOPPING)

    def _refuse_when_full(self) -> None:
        if len(self._readers) >= self._places:
            raise Problem(
                "too_many_streams",
                f"{self._places} streams are open, as many as there may be. Close one, or try again later.",
                status=503,
                details={"retry_after": _RETRY_SECONDS, "limit": self._places},
            )

    def _fetch(self, job_id: str, after: int, limit: int) -> list[Message]:
        with self._db.reading() as session:
            return [event_message(event) for event in read_events(session, job_id, after, limit, SHOWN)]

    def _release(self, reader: Reader) -> None:
        with self._lock:
            self._readers.discard(reader)
            reader.watch.readers.discard(reader)
            if not reader.watch.readers and self._watches.get(reader.watch.job_id) is reader.watch:
                del self._watches[reader.watch.job_id]

    def _work(self) -> None:
        while watches := self._watched():
            try:
                more = self._look(watches)
            except Problem as problem:
                log.warning("streams_wait", code=problem.code, message=problem.message)
                self._stopping.wait(_AWAY_SECONDS)
            except Exception:
                log.exception("streams_wait")
                self._stopping.wait(_AWAY_SECONDS)
            else:
                if not more:
                    self._stopping.wait(_POLL_SECONDS)

    def _watched(self) -> list[Watch]:
        with self._lock:
            if not self._watches:
                self._thread = None
            return list(self._watches.values())

    def _look(self, watches: list[Watch]) -> bool:
        """Hands on what is new; whether there is more at once.

        Each job has a cursor of its own: numbers follow commits within a job, but not from one job to another.
        """
        wanted = [(JobEvent.job_id == watch.job_id) & (JobEvent.seq > watch.cursor) for watch in watches]
        with self._db.reading() as session:
            # The jobs first: the event of a final state is committed with it, and so among the events.
            jobs = session.execute(select(*_JOBS).where(Job.id.in_([watch.job_id for watch in watches]))).all()
            news = session.execute(
                select(*_EVENTS).where(or_(*wanted), SHOWN).order_by(JobEvent.seq).limit(_AT_ONCE)
            ).all()
        more = len(news) == _AT_ONCE
        self._hand_on(watches, {job.id: job for job in jobs}, news, more)
        return more

    def _hand_on(self, watches: list[Watch], jobs: Mapping[str, Any], news: Sequence[Any], more: bool) -> None:
        told: dict[str, list[Message]] = {}
        for event in news:
            told.setdefault(event.job_id, []).append(event_message(event))
        with self._lock:
            for watch in watches:
                job, messages = jobs.get(watch.job_id), told.get(watch.job_id, ())
                if messages:
                    watch.cursor = messages[-1].seq or watch.cursor
                changed = job is not None and _tell_progress(watch, job)
                for reader in watch.readers:
                    for message in messages:
                        reader.give(message)
                    if messages or changed:
                        reader.news.set()
                if not more and (job is None or job.status in FINAL):
                    self._end(watch, DELETED if job is None else job.status)

    def _end(self, watch: Watch, reason: str) -> None:
        watch.ended = reason
        # A job that is taken up again gets a new one.
        if self._watches.get(watch.job_id) is watch:
            del self._watches[watch.job_id]
        for reader in watch.readers:
            reader.news.set()


def _tell_progress(watch: Watch, job: Any) -> bool:
    """Keeps how far the job is as the watch's message; whether that is new."""
    last = watch.progress.body if watch.progress else {"progress": 0.0, "message": ""}
    if (last["progress"], last["message"]) == (job.progress, job.message):
        return False
    watch.progress = progress_message(job.progress, job.message)
    return True
