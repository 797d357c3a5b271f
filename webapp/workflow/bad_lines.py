"""The bad lines of a dataset, with the places where they are wrong."""

import msgspec

from webapp import datasets
from webapp.datasets import BadLines, ShownLine
from webapp.datasets.report import InvalidLine
from webapp.errors import Problem
from webapp.workflow.analyses import DatasetState, open_examples
from webapp.workflow.services import Services


def bad_lines(services: Services, state: DatasetState, line: int, count: int) -> BadLines:
    """The first `count` bad lines from `line` on; raises the Problems of `DatasetState.finished`."""
    report = state.finished()
    return datasets.bad_lines(open_examples(services, state.dataset.id), report, line, count)


def first_bad_lines(services: Services, state: DatasetState) -> list[ShownLine]:
    """Those of a file that was refused because it holds nothing else; empty where it was not, or cannot be read."""
    error = state.job.error if state.job else None
    named = ((error or {}).get("details") or {}).get("invalid_lines")
    if not named:
        return []
    faults = msgspec.convert(named["items"], list[InvalidLine])
    try:
        return datasets.first_bad_lines(services.blobs.path(state.dataset.blob), faults, state.dataset.filename)
    except (Problem, FileNotFoundError):
        return []
