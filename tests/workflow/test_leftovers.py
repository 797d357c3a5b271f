"""What runs have left elsewhere is ended, whoever has died before."""

import json
import threading
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import update

from tests.jobs.executors.installing import install_stand_in
from webapp import workflow
from webapp.accounts import LOCAL
from webapp.errors import Problem
from webapp.jobs import attempts, claim
from webapp.jobs.executors import colab
from webapp.jobs.executors.colab_tool import ColabTool
from webapp.storage.tables import Job, utc_now
from webapp.workflow import kinds, leftovers
from webapp.workflow.leftovers import end_leftovers


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    return tmp_path_factory.mktemp("colab") / "machines"


@pytest.fixture(scope="module")
def with_colab(services, machines):
    program = install_stand_in(machines.parent, machines)
    return replace(services, settings=services.settings.model_copy(update={"colab_command": str(program)}))


@pytest.fixture
def run(services, sample):
    """A run on Colab that has been claimed, and what it made there."""
    notebook = workflow.generate(services, LOCAL, sample, "smollm2-360m")
    job = workflow.create_run(services, LOCAL, sample, notebook.id, "run", executor="colab")
    workflow.start_run(services, LOCAL, job.id)
    return claim(services.db, "test", 60)


def remote(services, job):
    with services.db.reading() as session:
        return session.get_one(Job, job.id).remote


def sessions(settings):
    return list(json.loads((settings.root / "colab" / "sessions.json").read_text()))


def test_a_run_that_ended_without_its_process_has_its_session_ended(with_colab, run):
    settings = with_colab.settings
    name = f"tunebook-{run.id}-1"
    assert attempts.note_remote(with_colab.db, run.id, run.attempt, name)
    ColabTool(settings.colab_command, settings.root / "colab" / "sessions.json", {"PATH": "/usr/bin:/bin"}).new(
        name, "T4"
    )
    end_leftovers(with_colab)
    assert sessions(settings) == [name]  # it is at work
    workflow.cancel_job(with_colab, LOCAL, run.id)
    attempts.bury(with_colab.db, run.id, run.attempt, Problem("job_died", "It died.").to_dict())
    with pytest.raises(Problem) as caught:
        workflow.delete_run(with_colab, LOCAL, run.id)
    assert (caught.value.code, caught.value.status) == ("job_leaves", 409)
    end_leftovers(with_colab)
    assert (sessions(settings), remote(with_colab, run)) == ([], None)
    assert workflow.delete_run(with_colab, LOCAL, run.id).jobs == 1


def test_what_cannot_be_ended_stays_for_the_next_time_but_not_for_ever(services, run):
    attempts.note_remote(services.db, run.id, run.attempt, "x")
    attempts.fail(services.db, run.id, run.attempt, Problem("job_died", "It died.").to_dict())
    end_leftovers(services)  # without the tool
    assert remote(services, run) == "x"
    finished(services, run, timedelta(days=2))
    assert run.id not in [left.job_id for left in leftovers.leftovers(services.db)]
    workflow.delete_run(services, LOCAL, run.id)


def test_a_session_that_may_still_come_is_not_forgotten(with_colab, run):
    name = f"tunebook-{run.id}-1"
    attempts.note_remote(with_colab.db, run.id, run.attempt, name)
    attempts.fail(with_colab.db, run.id, run.attempt, Problem("job_died", "It died.").to_dict())
    end_leftovers(with_colab)
    assert remote(with_colab, run) == name
    finished(with_colab, run, timedelta(minutes=16))
    end_leftovers(with_colab)
    assert remote(with_colab, run) is None
    workflow.delete_run(with_colab, LOCAL, run.id)


def finished(services, job, ago):
    with services.db.session() as session:
        session.execute(update(Job).where(Job.id == job.id).values(finished_at=utc_now() - ago))


def test_only_the_attempt_that_runs_may_make_something(services, run):
    assert not attempts.note_remote(services.db, run.id, run.attempt + 1, "x")
    assert remote(services, run) is None
    attempts.forget_remote(services.db, run.id, "another")
    attempts.fail(services.db, run.id, run.attempt, Problem("x", "x").to_dict())


def test_an_attempt_knows_what_the_one_before_has_left(services, run, work, monkeypatch):
    seen = []

    def play(_notebook, _workdir, watch, _rows):
        seen.append((watch.remote.name, watch.remote.earlier))
        watch.remote.note(watch.remote.name)
        seen.append(remote(services, run))
        raise Problem("colab_no_gpu", "None is free.", status=503)

    monkeypatch.setattr(kinds, "executor", lambda name, _: seen.append(name) or SimpleNamespace(run=play))
    attempts.note_remote(services.db, run.id, run.attempt, "earlier")
    attempts.release(services.db, run.id, run.attempt)
    work()
    name = f"tunebook-{run.id}-2"
    assert seen == ["colab", (name, "earlier"), name]
    job = workflow.job_status(services, LOCAL, run.id)
    assert (job.status, job.executor, job.error["code"]) == ("failed", "colab", "colab_no_gpu")


def test_the_sweep_works_in_a_process_of_its_own_and_only_when_there_is_something(services, monkeypatch):
    looked, stop = [], threading.Event()

    def found(_):
        looked.append(1)
        if len(looked) == 3:
            stop.set()
        return ["one"] if len(looked) == 2 else []

    ended = []
    monkeypatch.setattr(leftovers, "SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(leftovers, "leftovers", found)
    monkeypatch.setattr(leftovers, "_in_a_process", ended.append)
    leftovers.sweep(services.db, stop)
    assert (len(looked), len(ended)) == (3, 1)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    monkeypatch.setattr(colab, "_PAUSES", (0.0,))
