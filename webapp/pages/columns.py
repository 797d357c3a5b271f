"""Which column of a file is what: the form that says so, with what holds now, and the question that it answers."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp import workflow
from webapp.errors import Problem
from webapp.pages.forms import choices


@dataclass(frozen=True)
class Columns:
    """Columns with an example each, where there is one, and the part that each is `chosen` for.

    `asked`: nothing can be read before they are said; `is_open`: they are the likeliest way on.
    """

    examples: Mapping[str, str]
    chosen: Mapping[str, str]
    asked: bool
    is_open: bool


def columns(state: workflow.DatasetState, given: Mapping[str, str] | None = None) -> Columns | None:
    """The columns of a dataset, with the mapping that was refused (`given`), else with the present one.

    None where none is known, and of what a fix wrote: that has the columns which fixes write.
    """
    if state.dataset.version > 1:
        return None
    if state.analysis:
        source = state.analysis.source
        examples, present = dict.fromkeys(source.columns, ""), source.mapping
        asked = is_open = False
    else:
        details = _details(state)
        examples = {column["name"]: column["example"] for column in details.get("columns") or ()}
        present = details.get("mapping") or state.mapping
        # An analysis that came as far as to know how the columns are read had no question about them.
        asked = bool(examples) and "mapping" not in details
        is_open = bool(details and state.mapping)
    examples = examples or dict.fromkeys(present, "")
    if not examples:
        return None
    chosen = present if given is None else given
    return Columns(examples, chosen, asked, asked or is_open or given is not None)


def in_words(problem: Problem) -> Problem:
    """The same problem, its advice in the words of the form where it speaks of options of the command line."""
    message = problem.message
    readings = problem.details.get("readings") or ()
    for options in filter(None, [*(reading["map"] for reading in readings), problem.details.get("map")]):
        message = message.replace(options, _said(options))
    if message != problem.message:
        message += " The form below is for that."
    return Problem.from_dict(problem.to_dict() | {"message": message})


def read_mapping(form: Mapping[str, str]) -> dict[str, str]:
    """The columns that the form gives a part: field `column-N` names one, `part-N` says what it is."""
    found = {}
    for name, column in form.items():
        kind, _, number = name.partition("-")
        if kind == "column" and (part := form.get(f"part-{number}")):
            found[column] = part
    return found


def _details(state: workflow.DatasetState) -> dict[str, Any]:
    error = state.job.error if state.job else None
    return (error or {}).get("details") or {}


def _said(options: str) -> str:
    """`--map 'a=prompt' --map b=completion` as the form says it."""
    pairs = [option.rpartition("=") for option in shlex.split(options)[1::2]]
    return " and ".join(f'"{column}" as {choices()["parts"][part]}' for column, _, part in pairs)
