"""One job in this process: runs its function, reports as it goes, writes down how it ended."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from webapp.errors import Problem
from webapp.jobs import attempts
from webapp.jobs.outbox import Outbox
from webapp.jobs.patience import patiently
from webapp.stopping import end_with_parent
from webapp.storage import Database
from webapp.storage.tables import Job

# Set by the supervisor: the process this one must not outlive.
SUPERVISOR_PID = "TUNEBOOK_SUPERVISOR_PID"


class Stopped(Exception):
    """The job was told to stop: it was cancelled, or its supervisor is shutting down."""


class Died(Problem):
    """The work ended without a word, as a process that is killed does: it gets one more try, then this is its error."""


class JobContext:
    """What a job's function is given: the job as it was claimed, the database, and a way to report."""

    def __init__(self, job: Job, db: Database, outbox: Outbox, stop: threading.Event) -> None:
        self.job = job
        self.db = db
        self._outbox = outbox
        self._stop = stop

    def report(self, progress: float, message: str = "") -> None:
        """Says how far the job is (share 0..1); raises Stopped when it is to end."""
        self._outbox.progress(progress, message)
        self.check()

    def event(self, kind: str, data: Mapping[str, Any], key: str | None = None) -> None:
        """Adds to the job's log, once for each `key`; never raises and never waits."""
        self._outbox.event(kind, data, key)

    def note_remote(self, name: str | None) -> None:
        """Records what the job goes by elsewhere; raises Stopped when the job is no longer this process's."""
        if not patiently(lambda: attempts.note_remote(self.db, self.job.id, self.job.attempt, name)):
            self._stop.set()
            raise Stopped

    def cancelled(self) -> bool:
        """Whether the job is to end soon."""
        return self._stop.is_set()

    def check(self) -> None:
        """Raises Stopped when the job is to end: call it often in work that does not report."""
        if self._stop.is_set():
            raise Stopped


def run_child(
    db: Database, job_id: str, attempt: int, kinds: Mapping[str, Callable[[JobContext], Mapping[str, Any]]]
) -> None:
    """Runs one claimed attempt by the function of its kind and writes its result or its error.

    An attempt that is no longer current writes nothing, nor does one that was told to stop (SIGTERM): what
    becomes of that is the supervisor's to say. Call it in a process's main thread.
    """
    _follow_supervisor()
    stop = threading.Event()
    previous = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        job = patiently(lambda: attempts.start(db, job_id, attempt, os.getpid()))
        if job is not None:
            _run(db, job, stop, kinds)
    finally:
        signal.signal(signal.SIGTERM, previous)


def _run(
    db: Database,
    job: Job,
    stop: threading.Event,
    kinds: Mapping[str, Callable[[JobContext], Mapping[str, Any]]],
) -> None:
    result: Mapping[str, Any] = {}
    problem: Problem | None = None
    with Outbox(db, job.id, job.attempt, on_lost=stop.set) as outbox:
        try:
            result = kinds[job.kind](JobContext(job, db, outbox, stop))
        except Stopped:
            stop.set()
        except Problem as raised:
            problem = raised
        except Exception:
            outbox.event("traceback", {"text": traceback.format_exc()})
            problem = Problem("internal_error", "Something went wrong inside Tunebook.", status=500)
    if not stop.is_set():
        patiently(lambda: _write_end(db, job, result, problem))


def _write_end(db: Database, job: Job, result: Mapping[str, Any], problem: Problem | None) -> None:
    if problem is None:
        attempts.finish(db, job.id, job.attempt, result)
    elif isinstance(problem, Died) or problem.code == "storage_unavailable":  # no fault of the job's
        attempts.confess(db, job.id, job.attempt, problem.to_dict())
        if SUPERVISOR_PID not in os.environ:  # nobody waits for this process to end
            attempts.bury(db, job.id, job.attempt, problem.to_dict())
    else:
        attempts.fail(db, job.id, job.attempt, problem.to_dict())


def _follow_supervisor() -> None:
    """Asks the kernel to end this process with its supervisor; ends at once when that has gone already."""
    supervisor = os.environ.get(SUPERVISOR_PID)
    if supervisor is None:
        return
    end_with_parent(signal.SIGKILL)
    if os.getppid() != int(supervisor):
        sys.exit("the supervisor has gone")
