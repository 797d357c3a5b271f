"""A notebook made again after its run failed."""

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.errors import Problem
from webapp.jobs import attempts, claim
from webapp.notebooks import TrainingConfig
from webapp.notebooks.failures import Failure

CHANGE = {"batch_size": 1, "gradient_accumulation": 8}


@pytest.fixture
def failed(services, sample):
    """A notebook whose dry run ended with a failure that asks for `change`."""

    def make(change, **options):
        notebook = workflow.generate(services, LOCAL, sample, "smollm2-360m", TrainingConfig(seed=7), **options)
        workflow.start_dry_run(services, LOCAL, notebook.id)
        job = claim(services.db, "test", 60)
        details = {"failure": Failure("gpu_out_of_memory", "Full", "Less.", change).to_dict()}
        attempts.fail(services.db, job.id, job.attempt, Problem("cell_failed", "x", details=details).to_dict())
        return notebook

    return make


def test_the_new_notebook_differs_in_the_change_alone_and_is_run(services, failed):
    old = failed(CHANGE)
    made = workflow.remake(services, LOCAL, old.id)
    assert made.id != old.id
    assert made.config == old.config | CHANGE
    assert (made.model_id, made.gpu, made.dataset_id, made.encrypted) == (old.model_id, old.gpu, old.dataset_id, False)
    job = claim(services.db, "test", 60)
    assert (job.kind, job.notebook_id) == ("dry_run", made.id)
    assert workflow.notebook_state(services, LOCAL, old.id).notebook.config == old.config


def test_encrypted_rows_stay_encrypted(services, failed):
    made = workflow.remake(services, LOCAL, failed(CHANGE, encrypted=True).id)
    claim(services.db, "test", 60)
    assert made.encrypted


def test_without_a_failure_or_a_change_there_is_nothing_to_make(services, failed, sample):
    never_run = workflow.generate(services, LOCAL, sample, "smollm2-360m")
    for notebook in (never_run, failed(None)):
        with pytest.raises(Problem) as caught:
            workflow.remake(services, LOCAL, notebook.id)
        assert (caught.value.code, caught.value.status) == ("nothing_to_change", 409)


def test_a_change_that_the_card_cannot_take_is_refused_with_the_reason(services, failed):
    old = failed({"method": "qlora"}, gpu="cpu")
    with pytest.raises(Problem, match="QLoRA cannot be run on the CPU"):
        workflow.remake(services, LOCAL, old.id)


def test_a_run_that_failed_is_the_reason_as_well_and_one_of_another_notebook_is_not(services, failed):
    old, other = failed(None), failed(None)
    job = workflow.create_run(services, LOCAL, old.dataset_id, old.id, "run")
    workflow.start_run(services, LOCAL, job.id)
    claim(services.db, "test", 60)
    details = {"failure": Failure("gpu_out_of_memory", "Full", "Less.", CHANGE).to_dict()}
    attempts.fail(services.db, job.id, 1, Problem("cell_failed", "x", details=details).to_dict())
    assert workflow.remake(services, LOCAL, old.id, job.id).config == old.config | CHANGE
    claim(services.db, "test", 60)
    with pytest.raises(Problem) as caught:
        workflow.remake(services, LOCAL, other.id, job.id)
    assert caught.value.code == "nothing_to_change"
