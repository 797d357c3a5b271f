"""Orders that come at the same moment, on each database: one of them counts."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, func, select

from tests.workflow.sending import MD5, begin, cancel, complete, send
from webapp import workflow
from webapp.accounts import LOCAL
from webapp.errors import Problem
from webapp.settings import Settings
from webapp.storage.tables import Dataset, Job, Notebook
from webapp.workflow import open_services
from webapp.workflow.exporting import _ordered
from webapp.workflow.lookup import hold
from webapp.workflow.parts import upload_folder
from webapp.workflow.versions import add_version

NOTEBOOK, DATASET = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


@pytest.fixture
def shared(database_url, tmp_path):
    """A store with one dataset and one notebook."""
    made = open_services(Settings(home=tmp_path, database_url=database_url))
    with made.db.session() as session:
        session.add(Dataset(id=DATASET, filename="a.jsonl", size=1, sha256="", blob="", created_at=datetime.now(UTC)))
        session.flush()
        facts = {"model_id": "m", "config": {}, "blob": "", "filename": "n.ipynb", "sha256": ""}
        session.add(Notebook(id=NOTEBOOK, dataset_id=DATASET, **facts))
    yield made
    made.db.close()


def at_once(order):
    with ThreadPoolExecutor(8) as pool:
        return [answer.result() for answer in [pool.submit(order) for _ in range(8)]]


def test_a_dry_run_that_is_ordered_eight_times_at_once_is_one(shared):
    jobs = at_once(lambda: workflow.start_dry_run(shared, LOCAL, NOTEBOOK).id)
    assert len(set(jobs)) == 1


def test_an_export_that_is_ordered_eight_times_at_once_is_one(shared):
    with shared.db.reading() as session:
        dataset = session.get_one(Dataset, DATASET)
    form = workflow.exporting.find_format("parquet")
    assert len(set(at_once(lambda: _ordered(shared, LOCAL, dataset, form, "train")))) == 1


def test_columns_that_are_mapped_eight_times_at_once_are_analysed_once(shared):
    def name():
        try:
            return workflow.map_columns(shared, LOCAL, DATASET, {"q": "prompt", "a": "completion"}).kind
        except Problem as problem:
            return problem.code

    assert sorted(at_once(name)) == ["analysis", *["analysis_pending"] * 7]


def test_what_was_deleted_since_it_was_read_is_not_found(shared):
    for kind, row_id, code in ((Notebook, NOTEBOOK, "notebook_not_found"), (Dataset, DATASET, "dataset_not_found")):
        with shared.db.session() as session:
            row = session.get_one(kind, row_id)
            session.execute(delete(kind).where(kind.id == row_id))
            with pytest.raises(Problem) as caught:
                hold(session, row)
        assert (caught.value.code, caught.value.status) == (code, 404)


def test_eight_versions_that_are_made_at_once_have_eight_numbers(shared):
    def add():
        made = Dataset(filename="a.jsonl", size=1, sha256="", blob="")
        with shared.db.session() as session:
            add_version(session, DATASET, made)
        return made.version

    assert sorted(at_once(add)) == list(range(2, 10))


def test_an_upload_that_is_completed_eight_times_at_once_is_one_dataset(shared):
    upload_id = begin(shared)
    part_ids = send(shared, upload_id)

    def finish():
        try:
            return complete(shared, upload_id, part_ids, MD5).dataset.id
        except Problem as problem:
            return problem.code

    assert len(set(at_once(finish)) - {"upload_under_way"}) == 1
    with shared.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Dataset)) == 2


def test_an_upload_that_is_called_off_eight_times_at_once_is_called_off(shared):
    upload_id = begin(shared)
    send(shared, upload_id)
    assert set(at_once(lambda: cancel(shared, upload_id).status)) == {"cancelled"}
    assert not shared.blobs.exists(upload_folder(upload_id))


def test_prompts_that_are_asked_at_once_share_one_pair_of_models_and_only_four_wait(shared):
    with shared.db.session() as session:
        run = Job(kind="run", dataset_id=DATASET, notebook_id=NOTEBOOK, status="completed")
        session.add(run)
    model = shared.blobs.folder(f"runs/{run.id}/tunebook-run/model")
    for name in ("adapter_model.safetensors", "tokenizer_config.json"):
        (model / name).write_text("{}")

    def ask():
        try:
            return workflow.ask_both(shared, LOCAL, run.id, workflow.Question(text="?"))
        except Problem as problem:
            return problem.code

    answers = at_once(ask)
    asked = [answer for answer in answers if answer != "too_many_prompts"]
    assert len({answer.prompt for answer in asked}) == len(asked) == 4
    assert len({answer.job.id for answer in asked}) == 1
