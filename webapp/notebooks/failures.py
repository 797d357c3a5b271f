"""Why did it fail? Reads the error of a run and says its cause, what to do, and which settings may get through."""

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from webapp.notebooks.failure_rules import RULES, Rule

UNKNOWN = "notebook_failed"


@dataclass(frozen=True)
class Failure:
    """What is known of a failed run: a stable `code`, the `cause` in a few words, and what to do in a `sentence`.

    `change` are training settings that the next run may get through with, `hint` is a command or an address. An error
    that is not known has the code `notebook_failed`, no cause, and the last line of its traceback as sentence.
    """

    code: str
    cause: str | None
    sentence: str
    change: Mapping[str, Any] | None = None
    hint: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON data: `failure` in the error of a run and in the details of a job's error."""
        return asdict(self)


def decode(error: Mapping[str, Any], parameters: Mapping[str, Any], fixed: Collection[str] = ()) -> Failure:
    """The failure behind an Execution's `error`, in a notebook with these `parameters`.

    `fixed` are those that the run set by itself, such as a dry run's sizes: to change them would change nothing.
    """
    said = f"{error['ename']}: {error['evalue']}" if "ename" in error else f"{error['code']}: {error['message']}"
    cell = error.get("tag")
    for rule in RULES:
        found = re.search(rule.words, said, re.MULTILINE)
        if found and (not rule.cells or cell in rule.cells):
            free = {name: value for name, value in parameters.items() if name not in fixed}
            return _failure(rule, found, parameters, rule.remedy(free, cell) if rule.remedy else None)
    lines = (error.get("traceback") or error["message"]).strip().splitlines()
    return Failure(UNKNOWN, None, lines[-1] if lines else error["message"])


def _failure(
    rule: Rule, found: re.Match[str], parameters: Mapping[str, Any], change: Mapping[str, Any] | None
) -> Failure:
    values = {**parameters, **{name: value for name, value in found.groupdict().items() if value}}
    return Failure(
        rule.code,
        rule.cause,
        rule.sentence.format_map(values),
        change,
        rule.hint.format_map(values) if rule.hint else None,
    )
