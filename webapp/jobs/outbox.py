"""Carries a job's events and progress to the database in batches, so that reporting never waits."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Any

from webapp.errors import Problem
from webapp.jobs import attempts
from webapp.jobs.events import News, joined
from webapp.jobs.patience import patiently
from webapp.storage import Database

_BATCH_SECONDS = 0.05
_PROGRESS_SECONDS = 0.1


class Outbox:
    """Writes what was put in at once and then at most every 50 ms, progress ten times a second, the rest on leaving.

    When the attempt is no longer the current one, `on_lost` is called and everything after is dropped.
    """

    def __init__(self, db: Database, job_id: str, attempt: int, on_lost: Callable[[], None]) -> None:
        self._db, self._job_id, self._attempt, self._on_lost = db, job_id, attempt, on_lost
        self._lock = threading.Lock()
        self._events: list[News] = []
        self._progress: tuple[float, str] | None = None
        self._progress_due = 0.0
        self._news = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)

    def __enter__(self) -> "Outbox":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._news.set()
        self._thread.join()
        patiently(lambda: self._flush(everything=True))

    def event(self, kind: str, data: Mapping[str, Any], key: str | None = None) -> None:
        """Adds an event, once for each `key`; never waits, never raises."""
        with self._lock:
            self._events.append(News(kind, dict(data), key))
        self._news.set()

    def progress(self, share: float, message: str) -> None:
        """Notes how far the job is; only the latest note is written."""
        with self._lock:
            self._progress = (min(max(share, 0.0), 1.0), message)
        self._news.set()

    def _work(self) -> None:
        while not self._closing.is_set():
            self._news.wait(_PROGRESS_SECONDS)
            self._news.clear()
            with suppress(Problem):  # a database that is away for a moment: all is kept and tried again
                self._flush()
            self._closing.wait(_BATCH_SECONDS)

    def _flush(self, everything: bool = False) -> None:
        with self._lock:
            events, progress = list(self._events), self._progress
        if not everything and monotonic() < self._progress_due:
            progress = None
        if not events and progress is None:
            return
        if not attempts.write(self._db, self._job_id, self._attempt, joined(events), progress):
            self._on_lost()
        with self._lock:
            del self._events[: len(events)]
            if progress is not None:
                self._progress_due = monotonic() + _PROGRESS_SECONDS
                # A newer note, put in while this one was written, stays for the next batch.
                self._progress = None if self._progress is progress else self._progress
