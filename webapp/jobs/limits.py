"""The limits of an attempt, looked at while it runs: time, main memory, and the files it writes."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from time import monotonic

from webapp.errors import Problem
from webapp.jobs.family import memory_bytes
from webapp.storage.tables import Job

MEMORY_SECONDS, DISK_SECONDS = 1.0, 5.0
# How much longer than it may take a job's process lives: one that runs a notebook ends that itself, with a report.
# It has to bring its results from elsewhere, too.
TIMEOUT_MARGIN, ELSEWHERE_MARGIN = 30.0, 600.0
_GIB = 1024**3


@dataclass(frozen=True)
class Limits:
    """What each attempt may take: bytes of main memory for all its processes, bytes of files in its job's folder."""

    memory: float = inf
    disk: float = inf
    folder: Callable[[Job], Path | None] = field(default=lambda _: None)


NO_LIMITS = Limits()


class Watch:
    """One attempt against its limits; memory is measured once a second, files every five."""

    def __init__(self, job: Job, pid: int, limits: Limits) -> None:
        self._pid, self._limits = pid, limits
        self._folder = limits.folder(job) if limits.disk < inf else None
        margin = TIMEOUT_MARGIN if job.executor == "local" else ELSEWHERE_MARGIN
        self._ends = inf if job.timeout_seconds is None else monotonic() + job.timeout_seconds + margin
        self._memory_due = self._disk_due = 0.0

    def verdict(self) -> Problem | None:
        """The limit that is exceeded, as the error of the job."""
        now = monotonic()
        if now >= self._ends:
            return Problem("timed_out", "The job was stopped: it took longer than it may.", status=500)
        if self._limits.memory < inf and now >= self._memory_due:
            self._memory_due = now + MEMORY_SECONDS
            if (held := memory_bytes(self._pid, self._limits.memory)) > self._limits.memory:
                return _exceeded("memory", held, self._limits.memory)
        if self._folder is not None and now >= self._disk_due:
            self._disk_due = now + DISK_SECONDS
            if (written := _bytes_under(self._folder)) > self._limits.disk:
                return _exceeded("disk", written, self._limits.disk)
        return None


_WORDS = {
    "memory": "its processes held {used} of main memory, and TUNEBOOK_JOB_MEMORY allows {limit}. Take a smaller model, "
    "shorter rows or a smaller batch, or raise the limit.",
    "disk": "its files take {used}, and TUNEBOOK_JOB_DISK allows {limit}. Keep fewer checkpoints or export less, or "
    "raise the limit; then resume it.",
}


def _exceeded(what: str, used: int, limit: float) -> Problem:
    words = _WORDS[what].format(used=f"{used / _GIB:.2f} GiB", limit=f"{limit / _GIB:.2f} GiB")
    details = {"limit_bytes": int(limit), "used_bytes": used}
    return Problem(f"{what}_exceeded", f"The job was stopped: {words}", status=500, details=details)


def _bytes_under(folder: Path) -> int:
    """What its files take on the disk: holes in them do not count."""
    total, waiting = 0, [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:  # gone while it was looked at
            continue
    return total
