"""Alarms: what a person would want to be told while a run goes wrong, each printed once and kept for the report."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from webapp.training.masking import Row

CUT_SHARE = 0.05
MEMORISED_LOSS = 0.1
NOT_FINITE = "loss_not_finite"
RECENT_STEPS = 5  # one easy batch is no alarm


@dataclass(frozen=True)
class Alarm:
    """A `code` for programs and a `message` for people, with what to do about it."""

    code: str
    message: str


def sound(alarm: Alarm | None, alarms: list[Alarm]) -> None:
    """Prints an alarm and keeps it in `alarms`, unless there is none or its code is known already."""
    if alarm is not None and alarm.code not in [known.code for known in alarms]:
        alarms.append(alarm)
        print(f"ALARM {alarm.code}: {alarm.message}", flush=True)


def truncation_alarm(rows: Sequence[Row]) -> Alarm | None:
    """More than 5 % of the rows lost tokens to `max_seq_length`."""
    cut = sum(row.cut for row in rows)
    if cut <= CUT_SHARE * len(rows):
        return None
    return Alarm("truncation", f"{cut} of {len(rows)} rows are cut: raise max_seq_length, or shorten the conversations")


def overfitting_alarm(evaluations: Sequence[tuple[int, float]], losses: Sequence[float]) -> Alarm | None:
    """The held-out loss rose at two evaluations running while the training loss fell."""
    if len(evaluations) < 3:
        return None
    (first, low), (second, higher), (third, highest) = evaluations[-3:]
    if not low < higher < highest or fmean(losses[second:third]) >= fmean(losses[first:second]):
        return None
    return Alarm(
        "overfitting",
        f"the held-out loss rises ({low:.4f}, {higher:.4f}, {highest:.4f}) while the training loss falls: the model "
        "learns rows by heart. Fewer epochs, a lower rate or more data help; the best weights are kept",
    )


def memorising_alarm(losses: Sequence[float], per_epoch: int) -> Alarm | None:
    """The training loss fell under 0.1 before every row was seen once."""
    if not RECENT_STEPS <= len(losses) <= per_epoch or fmean(losses[-RECENT_STEPS:]) >= MEMORISED_LOSS:
        return None
    return Alarm(
        "loss_too_low",
        f"the training loss is under {MEMORISED_LOSS} at step {len(losses)}, within the first epoch: the answers are "
        "nearly the same, or stand in their prompts",
    )


def no_gain_alarm(before: float, after: float) -> Alarm | None:
    """The held-out loss is no lower than before training."""
    if after < before:
        return None
    return Alarm("no_gain", f"the held-out loss is {after:.4f}, {before:.4f} before training: nothing was gained")


def not_finite_alarm(loss: float, step: int) -> Alarm:
    """A loss is NaN or infinite: there is nothing to learn from here on."""
    return Alarm(NOT_FINITE, f"the loss is {loss} at step {step}: lower the learning rate")
