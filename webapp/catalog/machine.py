"""What this machine can train with: its NVIDIA card as the driver reports it, else its memory and cores."""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

_ASK = ("nvidia-smi", "--query-gpu=name,memory.total,compute_cap", "--format=csv,noheader,nounits")
_ASK_SECONDS = 5.0
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


class Card(NamedTuple):
    """The first NVIDIA card: its name, its memory in MiB, its compute capability as (major, minor)."""

    name: str
    mebibytes: int
    capability: tuple[int, int]


def read_card() -> Card | None:
    """What nvidia-smi says of the first card; None without a card, without a driver, or without an answer in 5 s."""
    try:
        done = subprocess.run(_ASK, capture_output=True, text=True, timeout=_ASK_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"\s*(.+?),\s*(\d+),\s*(\d+)\.(\d+)", done.stdout)
    return Card(found[1], int(found[2]), (int(found[3]), int(found[4]))) if found else None


def memory_bytes() -> int:
    """Main memory of this machine, or of its container where that is less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _CGROUP_LIMITS:
        try:
            limits.append(int(path.read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such group; "max"
            continue
    return min(limits)


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
