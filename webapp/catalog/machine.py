"""What this machine can train with: its NVIDIA cards as the driver reports them, else its memory and cores."""

import os
import re
import subprocess
import time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_ASK = ("nvidia-smi", "--query-gpu=name,memory.total,compute_cap", "--format=csv,noheader,nounits")
_LIST = ("nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader")
_ASK_SECONDS = 5.0
_REMEMBERED_SECONDS = 60.0
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


class Card(NamedTuple):
    """The first NVIDIA card: its name, its memory in MiB, its compute capability as (major, minor).

    `mebibytes` is None where it has no memory of its own, but that of the machine.
    """

    name: str
    mebibytes: int | None
    capability: tuple[int, int]


def read_card() -> Card | None:
    """What nvidia-smi says of the first card; None without a card, without a driver, or without an answer in 5 s.

    The answer is remembered for a minute at most.
    """
    return asked_card(time.monotonic() // _REMEMBERED_SECONDS)


@lru_cache(maxsize=1)
def asked_card(_minute: float) -> Card | None:
    """The same, asked once a minute."""
    try:
        done = subprocess.run(_ASK, capture_output=True, text=True, timeout=_ASK_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"\s*(.+?),\s*(\d+|\[N/A\]),\s*(\d+)\.(\d+)", done.stdout)
    if not found:
        return None
    own = int(found[2]) if found[2].isdigit() else None  # N/A: GB10 and Jetson boards share the main memory
    return Card(found[1], own, (int(found[3]), int(found[4])))


def visible_gpus() -> dict[str, str]:
    """The NVIDIA cards that this process may use: what CUDA_VISIBLE_DEVICES calls each, by its index on this machine.

    A card that CUDA_VISIBLE_DEVICES itself names otherwise, such as a part of one, is its own index.
    """
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        done = subprocess.run(_LIST, capture_output=True, text=True, timeout=_ASK_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    cards: dict[str, str] = dict(re.findall(r"^(\d+), *(GPU-\S+)", done.stdout, re.MULTILINE))
    if chosen is None:
        return cards
    indices = {uuid: index for index, uuid in cards.items()}
    named = [name.strip() for name in chosen.split(",") if name.strip() not in ("", "-1")]
    return {indices.get(name, name): cards.get(name, name) for name in named}


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
