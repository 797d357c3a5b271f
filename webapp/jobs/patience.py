"""Says what must be said to a database that is away for a moment."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

from webapp.errors import Problem

PATIENCE_SECONDS, PAUSE_SECONDS = 60.0, 0.5

T = TypeVar("T")


def patiently(write: Callable[[], T]) -> T:
    """What `write` answers, tried again for a minute while it raises Problem `storage_unavailable`."""
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return write()
        except Problem as problem:
            if problem.code != "storage_unavailable" or monotonic() >= deadline:
                raise
            sleep(PAUSE_SECONDS)
