"""The supervisor: claims jobs, runs each in a process group of its own, renews leases, stops and retries."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic, sleep
from typing import Any

import structlog

from webapp.errors import Problem
from webapp.jobs import attempts
from webapp.jobs.capacity import TWO_JOBS, Machine, Needs, Room
from webapp.jobs.child import SUPERVISOR_PID
from webapp.jobs.environment import child_environment
from webapp.jobs.family import end_family
from webapp.jobs.hosts import is_gone, is_here, worker_name
from webapp.jobs.limits import NO_LIMITS, Limits, Watch
from webapp.jobs.process import Child
from webapp.jobs.queue import claim
from webapp.storage import Database
from webapp.storage.tables import Job

POLL_SECONDS = 0.2
# It is renewed in time when a database is away for less than two thirds of it: longer than what children write waits.
LEASE_SECONDS = 60.0
# How long a cancelled child may take to end once asked, and one whose supervisor shuts down.
CANCEL_GRACE, SHUTDOWN_GRACE = 5.0, 1.0

# Adds what is known of its cause to the error `{code, message, status, param, details}` of a job that died.
Explain = Callable[[Job, Mapping[str, Any]], Mapping[str, Any]]

log = structlog.get_logger(__name__)


@dataclass
class _Charge:
    """A child of this supervisor, and the moment until which its lease is known to hold."""

    job: Job
    child: Child
    watch: Watch
    needs: Needs
    held_until: float


class Supervisor:
    """Runs jobs side by side while `machine` has room, each as the process `[*command, job id, attempt]`.

    A job is held by a lease of `lease_seconds`: should this supervisor vanish, another takes over after that, and at
    once when it is on the same machine.
    """

    def __init__(
        self,
        db: Database,
        command: Sequence[str],
        *,
        machine: Machine = TWO_JOBS,
        limits: Limits = NO_LIMITS,
        lease_seconds: float = LEASE_SECONDS,
        explain: Explain = lambda _, error: error,
    ) -> None:
        self._db, self._command = db, list(command)
        self._machine, self._limits, self._explain = machine, limits, explain
        self._room = Room(machine)
        self._lease_seconds = lease_seconds
        self._renewed = monotonic()
        self._charges: dict[tuple[str, int], _Charge] = {}
        self._worker = worker_name()

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set; then ends its children within a second or so and gives their jobs back.

        Its thread must live as long as its children: on Linux a child ends with the thread that started it.
        """
        try:
            while not stop.wait(POLL_SECONDS):
                self._judge()
                try:
                    self._turn()
                except Problem as problem:
                    log.warning("supervisor_waits", code=problem.code, reason=problem.message)
        finally:
            self._shut_down()

    def _judge(self) -> None:
        """Ends children that exceed a limit, and those whose lease may have run out: another may run their job now."""
        for charge in self._charges.values():
            if (verdict := charge.watch.verdict()) is not None:
                charge.child.condemn(verdict)
            if monotonic() >= charge.held_until:
                charge.child.end(SHUTDOWN_GRACE)
            charge.child.poll()

    def _turn(self) -> None:
        self._bury_the_dead()
        self._renew()
        seen = self._glance()
        for charge in self._charges.values():
            status, attempt, cancel = seen.own.get(charge.job.id, ("deleted", 0, False))
            if cancel or status != "running" or attempt != charge.job.attempt:
                charge.child.end(CANCEL_GRACE)
        gone = {worker for worker in seen.workers if is_gone(worker)}
        if seen.expired or gone:
            self._bury_the_lost(gone)
        self._take_on(seen)

    def _glance(self) -> attempts.Glance:
        return attempts.glance(self._db, {job_id for job_id, _ in self._charges})

    def _bury_the_dead(self) -> None:
        for charge in list(self._charges.values()):
            if (status := charge.child.poll()) is not None:
                self._bury(charge, status)
                self._forget(charge)

    def _bury(self, charge: _Charge, status: int) -> None:
        job, child = charge.job, charge.child
        if child.verdict is not None:
            attempts.fail(self._db, job.id, job.attempt, self._explain(job, child.verdict.to_dict()))
        elif child.ending:
            attempts.release(self._db, job.id, job.attempt)
        else:
            attempts.bury(self._db, job.id, job.attempt, self._explain(job, child.obituary(status)))

    def _bury_the_lost(self, gone: set[str]) -> None:
        found = attempts.lost(self._db, gone)
        lost = [job for job in found if (job.id, job.attempt) not in self._charges]
        if len(lost) < len(found):  # its own, after a night in suspend, in which its clock stood still
            self._renewed = -inf
        for job in lost:
            if job.worker is not None and is_here(job.worker):
                # Its supervisor is gone or too late, its processes perhaps not: no job runs twice at once.
                end_family(job.id, job.attempt, job.pid, job.pid_started)
        attempts.bury_expired(self._db, gone, [job.id for job in lost])

    def _renew(self) -> None:
        if self._charges and monotonic() - self._renewed >= self._lease_seconds / 3:
            asked = monotonic()
            held = [(charge.job.id, charge.job.attempt) for charge in self._charges.values()]
            attempts.renew(self._db, held, self._lease_seconds)
            self._renewed = asked
            for charge in self._charges.values():
                charge.held_until = asked + self._lease_seconds

    def _take_on(self, seen: attempts.Glance) -> None:
        """Claims what there is room for, one job at a time, the line with the oldest job first."""
        lines, devices = seen.lines, set(seen.devices)
        while lines:
            busy = [charge.needs for charge in self._charges.values()]
            chosen = self._room.choose(lines, busy, devices)
            if chosen is None:
                return
            line, device = chosen
            asked = monotonic()
            job = claim(self._db, self._worker, self._lease_seconds, line=line, device=device)
            if job is not None:
                self._start(job, self._machine.needs_of(line), asked + self._lease_seconds)
            seen = self._glance()
            # A line that had nothing to give may be tried again in the next turn.
            lines = [left for left in seen.lines if job is not None or left.name != line.name]
            devices = seen.devices

    def _start(self, job: Job, needs: Needs, held_until: float) -> None:
        environment = child_environment(os.environ) | {SUPERVISOR_PID: str(os.getpid())}
        if job.device is not None:
            environment["CUDA_VISIBLE_DEVICES"] = self._machine.gpus[job.device]
        try:
            child = Child(self._command, job, environment)
        except OSError as error:
            reason = f"The process of this job could not be started: {error.strerror}."
            attempts.bury(self._db, job.id, job.attempt, Problem("job_died", reason, status=500).to_dict())
            return
        self._charges[job.id, job.attempt] = _Charge(job, child, Watch(job, child.pid, self._limits), needs, held_until)

    def _forget(self, charge: _Charge) -> None:
        charge.child.close()
        del self._charges[charge.job.id, charge.job.attempt]

    def _shut_down(self) -> None:
        for charge in self._charges.values():
            charge.child.end(SHUTDOWN_GRACE)
        for charge in list(self._charges.values()):
            while (status := charge.child.poll()) is None:
                sleep(0.02)
            try:
                self._bury(charge, status)
            except Problem as problem:
                log.warning("job_waits_for_its_lease", job=charge.job.id, reason=problem.message)
            self._forget(charge)
