"""The table of executors."""

from typing import get_args

from webapp.jobs.states import EXECUTORS as SUPERVISED
from webapp.notebooks.executors import EXECUTORS, ExecutorName


def test_whatever_a_supervisor_takes_on_has_an_executor():
    """Two lists: the queue knows nothing of notebooks, and the command line starts without the queue."""
    assert set(EXECUTORS) == set(get_args(ExecutorName)) == set(SUPERVISED)
