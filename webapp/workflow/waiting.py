"""Waiting for a job within a request: asking again and again, for so long and no longer."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

_POLL_SECONDS = 0.1

State = TypeVar("State")


def wait_until(is_done: Callable[[State], bool], ask: Callable[[], State], seconds: float) -> State:
    """What `ask` gives once it is done, or after `seconds`."""
    deadline = monotonic() + seconds
    while True:
        state = ask()
        if is_done(state) or monotonic() >= deadline:
            return state
        sleep(_POLL_SECONDS)
