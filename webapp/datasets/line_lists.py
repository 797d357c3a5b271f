"""The full lists of lines behind a report, which itself names only the first of each."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from webapp.datasets.examples import Examples
from webapp.datasets.marks import LISTED
from webapp.datasets.report import Analysis
from webapp.errors import Problem

Kind = Literal["exact", "near", "prompt"]
_DUPLICATES: tuple[Kind, ...] = ("exact", "near")


def lines_of(examples: Examples, code: str) -> npt.NDArray[np.uint32]:
    """All lines (1-based, rising) that an issue, a mark or a kind of private data concerns.

    Raises Problem `unknown_issue` (404).
    """
    if code == "invalid_lines":
        return examples.invalid_lines()
    if code not in LISTED:
        raise Problem(
            "unknown_issue",
            f"There is no list of lines called {code!r}; a report's quality_issues and privacy.kinds name them.",
            status=404,
            param="code",
        )
    return examples.marked().lines(code)


def all_lines(report: Analysis, examples: Examples) -> dict[str, Any]:
    """The report as plain data, with every line of every list and every group of lines."""
    found = report.to_dict()
    for issue in found["quality_issues"]:
        if issue["lines"] and issue["code"] != "leakage":
            issue["lines"] = lines_of(examples, issue["code"]).tolist()
    for kind, hits in found["privacy"]["kinds"].items():
        hits["lines"] = lines_of(examples, kind).tolist()
    found["invalid_lines"]["lines"] = examples.invalid_lines().tolist()
    found["duplicates"]["examples"] = _droppable(examples).tolist()
    found["duplicates"]["groups"] = [
        {"kind": kind, "size": len(lines), "lines": lines} for kind in _DUPLICATES for lines in _groups(examples, kind)
    ]
    found["conflicts"]["groups"] = [{"size": len(lines), "lines": lines} for lines in _groups(examples, "prompt")]
    return found


def _droppable(examples: Examples) -> npt.NDArray[np.int64]:
    alone = np.arange(len(examples))
    return np.flatnonzero((examples.column("exact") != alone) | (examples.column("near") != alone))


def _groups(examples: Examples, kind: Kind) -> list[list[int]]:
    """The lines of each group of more than one, the largest first."""
    first, lines = examples.column(kind), examples.column("line")
    sizes = np.bincount(first, minlength=len(first))
    order = np.argsort(first, kind="stable")
    order = order[sizes[first[order]] > 1]
    bounds = np.flatnonzero(np.diff(first[order], prepend=-1))
    groups = [part.tolist() for part in np.split(lines[order], bounds[1:])] if len(order) else []
    return sorted(groups, key=len, reverse=True)
