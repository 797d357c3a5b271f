"""A limit on the memory that a piece of work may take: for libraries that have none of their own."""

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path

_one_at_a_time = threading.Lock()  # the system's limit is that of the whole process


@contextmanager
def allocating_at_most(size: int) -> Iterator[None]:
    """What runs inside gets a MemoryError when the process would hold `size` bytes more than it did before.

    Only Linux counts what a process holds so; elsewhere there is no limit.
    """
    with _one_at_a_time:
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        allowed = min(_held() + size, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY), inf)
        resource.setrlimit(resource.RLIMIT_DATA, (soft if allowed == inf else int(allowed), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _held() -> float:
    """Bytes of memory that the process has to itself, touched or not."""
    try:
        with Path("/proc/self/statm").open("rb", buffering=0) as pages:
            return int(pages.read(200).split()[5]) * resource.getpagesize()
    except FileNotFoundError:
        return inf
