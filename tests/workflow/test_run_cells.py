"""How far a run is, cell by cell."""

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.jobs import attempts, claim
from webapp.notebooks.outline import INJECTED
from webapp.storage.tables import Job


@pytest.fixture
def notebook(services, sample):
    return workflow.generate(services, LOCAL, sample, "smollm2-360m")


@pytest.fixture
def run(services, notebook):
    job = workflow.create_run(services, LOCAL, notebook.dataset_id, notebook.id, "run")
    workflow.start_run(services, LOCAL, job.id)
    return claim(services.db, "test", 60).id


def started(tag):
    return "cell_started", {"cell": 0, "total": 16, "tag": tag}


def ended(tag, ok=True):
    return "cell_finished", {"cell": 0, "total": 16, "tag": tag, "ok": ok}


def states(services, run):
    return {cell.tag: cell.state for cell in workflow.run_state(services, LOCAL, run).cells}


def test_cells_wait_run_and_end(services, run):
    attempts.write(services.db, run, 1, [started("parameters"), ended("parameters"), started("install")], None)
    found = {cell.tag: cell for cell in workflow.run_state(services, LOCAL, run).cells}
    assert [found[tag].state for tag in ("parameters", "install", "train")] == ["done", "running", "waiting"]
    assert found["parameters"].seconds >= 0
    assert found["install"].seconds is None
    assert INJECTED not in found


@pytest.mark.parametrize("tag", ["install", "train"])
def test_the_cell_in_which_a_run_fails_has_failed(services, run, tag):
    attempts.write(services.db, run, 1, [started("parameters"), ended("parameters"), started(tag)], None)
    attempts.fail(services.db, run, 1, {"code": "timed_out", "message": "x", "details": None})
    assert [name for name, state in states(services, run).items() if state == "failed"] == [tag]


def test_a_cell_that_raised_has_failed(services, run):
    attempts.write(services.db, run, 1, [started("parameters"), ended("parameters", ok=False)], None)
    assert states(services, run)["parameters"] == "failed"


def test_a_later_attempt_begins_anew(services, run):
    attempts.write(services.db, run, 1, [started("parameters"), ended("parameters")], None)
    with services.db.session() as session:
        session.get_one(Job, run).attempt = 2
    assert states(services, run)["parameters"] == "waiting"


def test_all_are_done_when_the_run_has_completed(services, run):
    attempts.finish(services.db, run, 1, {})
    assert set(states(services, run).values()) == {"done"}


def test_a_notebook_that_runs_elsewhere_tells_of_no_cells(services, run):
    with services.db.session() as session:
        session.get_one(Job, run).executor = "elsewhere"
    assert states(services, run) == {}
