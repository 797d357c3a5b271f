"""What the supervisor is told of this machine, of the limits, and of why a run died."""

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.catalog import machine
from webapp.jobs import host_name
from webapp.notebooks import TrainingConfig
from webapp.settings import Settings
from webapp.storage.tables import Job
from webapp.workflow.kinds import job_kinds
from webapp.workflow.worker import GIB, NEEDS, explained, limits, this_machine


def test_every_kind_of_job_has_its_needs(services):
    assert set(job_kinds(services)) <= set(NEEDS)
    assert [name for name, needs in NEEDS.items() if needs.gpu] == ["run", "chat"]


def test_a_gpu_is_named_by_host_and_index(monkeypatch, settings):
    monkeypatch.setattr(machine, "visible_gpus", lambda: {"0": "GPU-a", "1": "GPU-b"})
    assert this_machine(settings).gpus == {f"{host_name()}:0": "GPU-a", f"{host_name()}:1": "GPU-b"}


def test_two_jobs_fit_on_the_smallest_machine_and_no_more_than_the_setting_says(monkeypatch, settings):
    monkeypatch.setattr(machine, "cores", lambda: 1)
    assert this_machine(settings).cores == 2
    assert this_machine(Settings(home=settings.home, job_concurrency=3)).jobs == 3


def test_a_job_may_hold_nine_tenths_of_the_memory_unless_the_setting_says_otherwise(monkeypatch, services, settings):
    monkeypatch.setattr(machine, "memory_bytes", lambda: 10 * GIB)
    assert limits(services).memory == 9 * GIB
    assert limits(services).folder(Job(id="j", notebook_id="n")) == services.blobs.root / "runs" / "j"
    assert limits(services).folder(Job(id="j")) is None


@pytest.mark.parametrize(
    ("code", "message", "cause"),
    [
        ("job_died", "The process of this job was ended by signal 9 (SIGKILL).", "The machine's main memory is full"),
        ("job_died", "The process of this job ended with exit status 3.", "The notebook's process ended by itself"),
        ("memory_exceeded", "The job was stopped.", "The run held more main memory than it may"),
        ("disk_exceeded", "The job was stopped.", "The files of the run take more than they may"),
    ],
)
def test_the_error_of_a_run_says_why_it_died(services, sample, code, message, cause):
    notebook = workflow.generate(services, LOCAL, sample, "smollm2-360m", TrainingConfig(batch_size=8))
    error = {"code": code, "message": message, "status": 500, "param": None, "details": {"exit_status": -9}}
    told = explained(services, Job(id="j", notebook_id=notebook.id), error)
    assert (told["code"], told["details"]["exit_status"]) == (code, -9)
    assert told["details"]["failure"]["cause"] == cause
    if code == "memory_exceeded":
        assert told["details"]["failure"]["change"]


def test_other_jobs_keep_their_error(services):
    error = {"code": "job_died", "message": "gone", "status": 500, "param": None, "details": {}}
    assert explained(services, Job(id="j"), error) == error
