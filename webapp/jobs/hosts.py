"""Which supervisor is which, over all machines: the name that a running job has as its `worker`."""

import hashlib
import os
import socket
from functools import cache
from pathlib import Path

import psutil

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PIDS = Path("/proc/self/ns/pid")


def worker_name() -> str:
    """This process as a supervisor: `host:pid:where its pid counts`."""
    return f"{host_name()}:{os.getpid()}:{_place()}"


def host_name() -> str:
    """This machine's or container's name."""
    return socket.gethostname()


def is_here(worker: str) -> bool:
    """Whether that supervisor's processes would be seen from here."""
    return worker.rpartition(":")[2] == _place()


def is_gone(worker: str) -> bool:
    """Whether that supervisor is known to have ended; of one elsewhere, or whose pid lives, nothing is known."""
    pid = worker.split(":")[-2] if worker.count(":") >= 2 else ""
    return is_here(worker) and pid.isdigit() and not _lives(int(pid))


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@cache
def _place() -> str:
    """Where process ids mean the same: one start of one system, and one container on it."""
    try:
        words = f"{_BOOT.read_text(encoding='ascii')} {_PIDS.readlink()}"
    except OSError:  # no Linux
        words = host_name()
    return hashlib.sha256(words.encode()).hexdigest()[:12]
