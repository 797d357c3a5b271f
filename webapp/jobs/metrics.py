"""What a run's figures of a step say to a job: under which key they are kept, how far it is, and that in words."""

from collections.abc import Mapping
from typing import Any


def metrics_key(attempt: int, step: int) -> str:
    """The key of a step's figures: told once an attempt. One that is told again by a later attempt replaces them."""
    return f"metrics:{attempt}:{step}"


def steps_done(figures: Mapping[str, Any]) -> float | None:
    """The share of the steps that are done, 0 to 1; None where their total is not known."""
    total = figures.get("total_steps")
    return min(1.0, figures["step"] / total) if total else None


def step_in_words(figures: Mapping[str, Any]) -> str:
    """`step 12/100  loss 4.5254  2 min left`, as far as it is known."""
    total = figures.get("total_steps")
    words = [f"step {figures['step']}/{total}" if total else f"step {figures['step']}"]
    if (loss := figures.get("loss")) is not None:
        words.append(f"loss {loss:.4f}")
    if (left := figures.get("eta_seconds")) is not None:
        words.append(f"{time_in_words(left)} left")
    return "  ".join(words)


def time_in_words(seconds: float) -> str:
    """A length of time, to two digits or so."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
