"""Rows are found by id, for whom they belong to."""

import pkgutil

import pytest

from webapp import workflow
from webapp.accounts import LOCAL, Caller
from webapp.errors import Problem
from webapp.workflow.lookup import find_dataset, find_job, find_notebook

ANN, BEN = Caller(id="ann"), Caller(id="ben")
LINE = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'


def test_what_belongs_to_another_is_not_found(services):
    dataset = workflow.upload(services, ANN, "a.jsonl", [LINE])
    with services.db.reading() as session:
        assert find_dataset(session, ANN, dataset.id).id == dataset.id
        for caller in (BEN, Caller(id=None)):
            with pytest.raises(Problem) as caught:
                find_dataset(session, caller, dataset.id)
            assert caught.value.status == 404


def test_the_local_person_finds_everything(services):
    dataset = workflow.upload(services, ANN, "a.jsonl", [LINE])
    with services.db.reading() as session:
        assert find_dataset(session, LOCAL, dataset.id).owner == "ann"


@pytest.mark.parametrize("step", [workflow.preview, workflow.distribution, workflow.recommend, workflow.generate])
def test_every_step_asks_whose_it_is(services, step):
    dataset = workflow.upload(services, ANN, "a.jsonl", [LINE])
    arguments = {
        workflow.preview: {"page": 1, "page_size": 1},
        workflow.recommend: {"task": "qa", "target": "cloud"},
        workflow.generate: {"model_id": "phi-4-mini"},
    }
    with pytest.raises(Problem) as caught:
        step(services, BEN, dataset.id, **arguments.get(step, {}))
    assert caught.value.code == "dataset_not_found"


def test_the_jobs_and_notebooks_of_another_are_not_found(services, work):
    lines = [LINE.replace(b'"a"', b'"%d"' % number) + b"\n" for number in range(12)]
    dataset = workflow.upload(services, ANN, "a.jsonl", lines)
    job = workflow.dataset_state(services, ANN, dataset.id).job
    with pytest.raises(Problem, match="no job"):
        workflow.job_status(services, BEN, job.id)
    work()
    notebook = workflow.generate(services, ANN, dataset.id, "smollm2-360m")
    run = workflow.create_run(services, ANN, dataset.id, notebook.id, "run")
    for step in (workflow.start_run, workflow.cancel_job, workflow.resume_run, workflow.delete_run, workflow.job_log):
        with pytest.raises(Problem, match="no job"):
            step(services, BEN, run.id)
    for step in (workflow.notebook_state, workflow.start_dry_run):
        with pytest.raises(Problem) as caught:
            step(services, BEN, notebook.id)
        assert caught.value.code == "notebook_not_found"


@pytest.mark.parametrize(
    ("find", "code"),
    [(find_dataset, "dataset_not_found"), (find_notebook, "notebook_not_found"), (find_job, "job_not_found")],
)
@pytest.mark.parametrize(
    "given", ["0e7a4c1e-5f5f-4a53-9a3c-0d9f7f3b8a11", "", "x", "\0", "../..", "1' OR '1'='1", "\ud800"]
)
def test_an_id_that_nothing_has_is_a_404(services, find, code, given):
    with services.db.reading() as session, pytest.raises(Problem) as caught:
        find(session, LOCAL, given)
    assert (caught.value.code, caught.value.status) == (code, 404)


ORDERS = {
    "fix": ("fixing.Plan.from_data", lambda *given: workflow.start_fix(*given, [{"name": "dedupe"}], preview=True)),
    "export": ("exporting._export_key", lambda *given: workflow.export_dataset(*given, "alpaca", "train", 0)),
    "generate": ("generating.render", lambda *given: workflow.generate(*given, "smollm2-360m")),
}


@pytest.mark.parametrize("name", ORDERS)
def test_what_is_ordered_of_a_dataset_that_is_just_deleted_is_not_found(services, work, monkeypatch, name):
    lines = [LINE.replace(b'"a"', b'"%d"' % number) + b"\n" for number in range(12)]
    dataset = workflow.upload(services, ANN, "a.jsonl", lines)
    work()
    notebooks = set(services.blobs.path("notebooks").glob("*"))
    between, order = ORDERS[name]
    path = f"webapp.workflow.{between}"
    original = pkgutil.resolve_name(path)

    def deleted_first(*given):
        workflow.delete_dataset(services, ANN, dataset.id)
        return original(*given)

    monkeypatch.setattr(path, deleted_first)
    with pytest.raises(Problem) as caught:
        order(services, ANN, dataset.id)
    assert caught.value.code == "dataset_not_found"
    assert set(services.blobs.path("notebooks").glob("*")) == notebooks
