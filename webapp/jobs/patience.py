"""Says what must be said to a database that is away for a moment."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

from webapp.errors import Problem

# Shorter than two thirds of a supervisor's lease: later it ends the child that waits.
PATIENCE_SECONDS, PAUSE_SECONDS = 30.0, 0.5

T = TypeVar("T")


def patiently(write: Callable[[], T]) -> T:
    """What `write` answers, tried again for half a minute while it raises Problem `storage_unavailable`."""
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return write()
        except Problem as problem:
            if problem.code != "storage_unavailable" or monotonic() >= deadline:
                raise
            sleep(PAUSE_SECONDS)
