"""What change of the question would put another model first."""

from collections.abc import Iterator
from typing import NamedTuple

from webapp.catalog.case import Case
from webapp.catalog.gpus import gpus
from webapp.catalog.ranking import leader
from webapp.catalog.targets import TARGETS
from webapp.catalog.tasks import TASKS
from webapp.plurals import counted

LONGER, MORE = (2, 4, 8), (0.1, 10)


class Change(NamedTuple):
    """With `input` at `value` and all else as it is, `first` would be the first model (None: no model fits)."""

    input: str
    value: str | int
    first: str | None
    text: str


def sensitivity(case: Case, first: str) -> tuple[Change, ...]:
    """The single changes of task, target, card, length and number of rows after which another model is first.

    Of several lengths (2, 4 and 8 times p99) only the nearest is named.
    """
    found: list[Change] = []
    for name, value, words, changed in _changes(case):
        if found and name == "p99" == found[-1].input:
            continue
        other = leader(changed)
        if other is None:
            found.append(Change(name, value, None, f"{words} no model of the catalogue would fit."))
        elif other.id != first:
            found.append(Change(name, value, other.id, f"{words} {other.name} would come first."))
    return tuple(found)


def _changes(case: Case) -> Iterator[tuple[str, str | int, str, Case]]:
    for task in TASKS.values():
        if task != case.task:
            yield "task_type", task.name, f"For {task.label},", case._replace(task=task)
    for target in TARGETS.values():
        if target != case.target:
            yield "deployment_target", target.name, f"For {target.label},", case._replace(target=target)
    for gpu in gpus():
        if gpu != case.gpu and (case.method is None or case.method in gpu.methods):
            yield "gpu", gpu.id, f"Trained on the {gpu.name},", case._replace(gpu=gpu)
    profile = case.profile
    for times in LONGER:
        longer = profile._replace(
            tokens=profile.tokens * times,
            p95=profile.p95 * times,
            p99=profile.p99 * times,
            longest=profile.longest * times,
            messages=profile.messages * times,
        )
        yield "p99", longer.p99, f"With conversations {times} times as long,", case._replace(profile=longer)
    for share in MORE:
        count = max(1, round(profile.examples * share))
        other = profile._replace(examples=count, tokens=round(profile.tokens * share))
        yield "examples", count, f"With {counted(count, 'example')},", case._replace(profile=other)
    if case.gated != "equal":
        yield "gated", "equal", "With access to gated models,", case._replace(gated="equal")
