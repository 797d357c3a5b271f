"""The processes of one attempt: its child, that one's kernel, and whatever they started, wherever it has gone.

A kernel leads a session of its own and outlives a child that is killed; what a kernel started may outlive both. All of
them carry the same mark in the environment they were started with.
"""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress

import psutil

MARK = "TUNEBOOK_ATTEMPT"
# How far a start time may be off: it is counted from the machine's start, whose own time is a little uncertain.
_SAME_START_SECONDS = 2.0
_END_SECONDS, _ROUNDS = 3.0, 5


def mark(job_id: str, attempt: int) -> dict[str, str]:
    """What the environment of an attempt's processes holds."""
    return {MARK: f"{job_id}/{attempt}"}


def started(pid: int) -> float | None:
    """When this process started, in seconds since 1970; None when there is none."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def memory_bytes(pid: int, enough: float) -> int:
    """Main memory that the process and its descendants hold, in bytes.

    What they share is counted once where the system can tell, which takes a look at every page: only when they could
    hold more than `enough`.
    """
    try:
        leader = psutil.Process(pid)
        family = [leader, *leader.children(recursive=True)]
    except psutil.Error:
        return 0
    held = sum(map(_resident, family))
    return held if held <= enough else sum(map(_proportional, family))


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it has ended
        return 0


def _proportional(process: psutil.Process) -> int:
    try:
        memory = process.memory_full_info()
        return int(getattr(memory, "pss", memory.rss))
    except psutil.Error:
        return 0


def end_family(job_id: str, attempt: int, pid: int | None = None, pid_started: float | None = None) -> int:
    """Kills every process of the attempt on this machine and waits until they are gone; answers how many there were.

    `pid` and `pid_started` are its child as the job's row has it: where its environment cannot be read, they tell.
    """
    ended = 0
    for _ in range(_ROUNDS):  # one may have started another while it was looked for
        found = {process.pid: process for process in _marked(job_id, attempt)}
        if pid is not None and pid_started is not None and _is_same(pid, pid_started):
            found.setdefault(pid, psutil.Process(pid))
        if not found:
            break
        ended += _kill(found.values())
    return ended


def _is_same(pid: int, pid_started: float) -> bool:
    now = started(pid)
    return now is not None and abs(now - pid_started) < _SAME_START_SECONDS


def _marked(job_id: str, attempt: int) -> Iterable[psutil.Process]:
    ((name, value),) = mark(job_id, attempt).items()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def _kill(processes: Iterable[psutil.Process]) -> int:
    listed = list(processes)
    for process in listed:
        with suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
    psutil.wait_procs(listed, timeout=_END_SECONDS)
    return len(listed)
