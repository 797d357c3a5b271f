"""The supervisor: claims jobs, runs each in a process group of its own, renews leases, stops and retries."""

import os
import socket
import threading
from collections.abc import Sequence
from math import inf
from time import monotonic, sleep

import structlog

from webapp.errors import Problem
from webapp.jobs import attempts
from webapp.jobs.child import SUPERVISOR_PID
from webapp.jobs.environment import child_environment
from webapp.jobs.process import Child
from webapp.jobs.queue import claim
from webapp.storage import Database
from webapp.storage.tables import Job

POLL_SECONDS = 0.2
# How long a cancelled child may take to end once asked, and one whose supervisor shuts down.
CANCEL_GRACE, SHUTDOWN_GRACE = 5.0, 1.0
# How much longer than it may take a job's process lives: one that runs a notebook ends that itself, with a report.
TIMEOUT_MARGIN = 30.0

log = structlog.get_logger(__name__)


class Supervisor:
    """Runs up to `concurrency` jobs side by side, each as the process `[*command, job id, attempt]`.

    A job is held by a lease of `lease_seconds`: should this supervisor vanish, another takes over after that.
    """

    def __init__(
        self, db: Database, command: Sequence[str], *, concurrency: int = 2, lease_seconds: float = 30.0
    ) -> None:
        self._db = db
        self._command = list(command)
        self._concurrency = concurrency
        self._lease_seconds = lease_seconds
        self._renewed = monotonic()
        self._children: dict[str, Child] = {}
        self._worker = f"{socket.gethostname()}:{os.getpid()}"

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set; then ends its children within a second or so and gives their jobs back.

        Its thread must live as long as its children: on Linux a child ends with the thread that started it.
        """
        try:
            while not stop.wait(POLL_SECONDS):
                try:
                    self._turn()
                except Problem as problem:
                    log.warning("supervisor_waits", code=problem.code, reason=problem.message)
        finally:
            self._shut_down()

    def _turn(self) -> None:
        self._bury_the_dead()
        # Before looking for expired leases: after a night in suspend its own have run out too.
        self._renew()
        seen = attempts.glance(self._db, self._children)
        for child in self._children.values():
            status, attempt, cancel = seen.own.get(child.job_id, ("deleted", 0, False))
            if cancel or status != "running" or attempt != child.attempt:
                child.end(CANCEL_GRACE)
        if seen.expired:
            attempts.bury_expired(self._db)
        if seen.waiting:
            self._take_on()

    def _bury_the_dead(self) -> None:
        for child in list(self._children.values()):
            status = child.poll()
            if status is None:
                continue
            if child.timed_out:
                attempts.time_out(self._db, child.job_id, child.attempt)
            elif child.ending:
                attempts.release(self._db, child.job_id, child.attempt)
            else:
                attempts.bury(self._db, child.job_id, child.attempt, child.obituary(status))
            self._forget(child)

    def _renew(self) -> None:
        if self._children and monotonic() - self._renewed >= self._lease_seconds / 3:
            held = [(child.job_id, child.attempt) for child in self._children.values()]
            attempts.renew(self._db, held, self._lease_seconds)
            self._renewed = monotonic()

    def _take_on(self) -> None:
        while len(self._children) < self._concurrency:
            job = claim(self._db, self._worker, self._lease_seconds)
            if job is None:
                return
            self._start(job)

    def _start(self, job: Job) -> None:
        environment = child_environment(os.environ) | {SUPERVISOR_PID: str(os.getpid())}
        seconds = inf if job.timeout_seconds is None else job.timeout_seconds + TIMEOUT_MARGIN
        try:
            self._children[job.id] = Child(self._command, job.id, job.attempt, environment, seconds)
        except OSError as error:
            reason = f"The process of this job could not be started: {error.strerror}."
            attempts.bury(self._db, job.id, job.attempt, Problem("job_died", reason, status=500).to_dict())

    def _forget(self, child: Child) -> None:
        child.close()
        del self._children[child.job_id]

    def _shut_down(self) -> None:
        for child in self._children.values():
            child.end(SHUTDOWN_GRACE)
        while [child for child in self._children.values() if child.poll() is None]:
            sleep(0.02)
        for child in list(self._children.values()):
            try:
                attempts.release(self._db, child.job_id, child.attempt)
            except Problem as problem:
                log.warning("job_waits_for_its_lease", job=child.job_id, reason=problem.message)
            self._forget(child)
