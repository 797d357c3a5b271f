"""What is deleted is gone from every table and from the whole store; what is somebody else's stays."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.errors import Problem
from webapp.jobs import attempts, claim
from webapp.settings import Settings
from webapp.storage.people import AuditEvent
from webapp.storage.tables import Base, DataLink, Job, Measurement
from webapp.workflow import deleting

LINES = [f'{{"prompt": " {number}?", "completion": "{number} it is."}}\n'.encode() for number in range(60)]
# Of no dataset, or what stays to tell of the deletion.
ACCOUNTS = {"accounts", "sign_ins", "refresh_tokens", "api_keys", "audit_events", "alembic_version"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """Notebooks fetch their rows by links."""
    home, cache = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("hub")
    return Settings(home=home, hf_hub_cache=cache, public_url="https://tunebook.example")


def rows(services):
    """How many rows each table has."""
    with services.db.reading() as session:
        tables = [table for name, table in Base.metadata.tables.items() if name not in ACCOUNTS]
        return {table.name: session.scalar(select(func.count()).select_from(table)) for table in tables}


def files(services):
    """Every file and folder of the store but its four places."""
    return sorted(path.relative_to(services.blobs.root).as_posix() for path in services.blobs.root.glob("*/**/*"))


def made(services, work, monkeypatch):
    """A dataset with all that can be made of it; the id of its second version, and a notebook's."""
    monkeypatch.setattr("webapp.workflow.delivering.fits", lambda _: False)  # so that there is a file of the rows
    size = sum(map(len, LINES))
    begun = workflow.begin_upload(
        services, LOCAL, size=size, filename="a.jsonl", mime_type="text/jsonl", purpose="fine-tune"
    )
    part = workflow.add_part(services, LOCAL, begun.upload.id, LINES)
    upload = workflow.complete_upload(services, LOCAL, begun.upload.id, [part.id], None).dataset
    work()
    fix = workflow.start_fix(services, LOCAL, upload.id, [{"name": "trim"}], preview=False)
    work()
    version = workflow.job_status(services, LOCAL, fix.id).result["version_id"]
    workflow.export_dataset(services, LOCAL, version, "alpaca", "train", 0)
    work()
    notebook = workflow.generate(services, LOCAL, version, "smollm2-360m")
    run = workflow.create_run(services, LOCAL, version, notebook.id, "run")
    workflow.issue_ticket(services, LOCAL, run.id)
    with services.blobs.new_file(f"runs/{run.id}/tunebook-run/report.json") as file:
        file.write(b"{}")
    figures = dict.fromkeys(("predicted_seconds", "measured_seconds", "predicted_bytes"), 1)
    with services.db.session() as session:
        session.add(Measurement(job_id=run.id, model_id="m", method="lora", gpu="t4", miniature=False, **figures))
    return version, notebook.id


def test_a_dataset_goes_with_everything_made_of_it(services, client, work, monkeypatch):
    before = rows(services), files(services)
    version, notebook_id = made(services, work, monkeypatch)
    there = rows(services)
    assert [name for name in there if there[name] == before[0][name]] == []  # every table takes part
    notebook = workflow.notebook_state(services, LOCAL, notebook_id).notebook
    link = workflow.download_path(services, notebook)
    with client.get(link) as answer:
        assert answer.status_code == 200
    told = workflow.dataset_belongings(services, LOCAL, version)[1]
    deleted = workflow.delete_dataset(services, LOCAL, version)  # any version stands for all
    assert (rows(services), files(services)) == before
    assert replace(deleted, events=told.events) == told  # the run that waited was called off, which is an event
    assert (deleted.datasets, deleted.notebooks, deleted.jobs) == (2, 1, 4)
    assert (deleted.links, deleted.uploads, deleted.measurements) == (1, 1, 1)
    assert deleted.bytes > 2 * sum(map(len, LINES))
    assert client.get(link).status_code == 404


def test_a_notebook_goes_and_its_dataset_stays(services, client, work, monkeypatch):
    version, notebook_id = made(services, work, monkeypatch)
    with services.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(DataLink)) == 1
    deleted = workflow.delete_notebook(services, LOCAL, notebook_id)
    assert (deleted.datasets, deleted.notebooks, deleted.jobs, deleted.links) == (0, 1, 1, 1)
    assert [name for name in files(services) if notebook_id in name or name.startswith("runs/")] == []
    assert rows(services)["data_links"] == 0
    assert workflow.dataset_state(services, LOCAL, version).analysis
    workflow.delete_dataset(services, LOCAL, version)


def test_what_was_deleted_is_written_down(services, work):
    dataset = workflow.upload(services, LOCAL, "a.jsonl", LINES)
    work()
    workflow.delete_dataset(services, LOCAL, dataset.id)
    with services.db.reading() as session:
        event = session.scalar(select(AuditEvent).where(AuditEvent.subject == dataset.id))
    assert (event.action, event.details["what"], event.details["filename"]) == ("deleted", "dataset", "a.jsonl")
    assert event.details["jobs"] == 1


def test_a_job_that_waits_is_called_off(services):
    dataset = workflow.upload(services, LOCAL, "a.jsonl", LINES)
    assert workflow.delete_dataset(services, LOCAL, dataset.id).jobs == 1
    assert claim(services.db, "test", 60) is None


def test_a_job_that_does_not_stop_keeps_its_dataset(services, monkeypatch):
    monkeypatch.setattr(deleting, "WAIT_SECONDS", 0.0)
    dataset = workflow.upload(services, LOCAL, "a.jsonl", LINES)
    job = claim(services.db, "test", 60)
    with pytest.raises(Problem) as caught:
        workflow.delete_dataset(services, LOCAL, dataset.id)
    assert (caught.value.code, caught.value.status) == ("job_running", 409)
    assert caught.value.details == {"job_id": job.id, "retry_after": 5}
    with services.db.reading() as session:
        assert session.get_one(Job, job.id).cancel_requested
    attempts.fail(services.db, job.id, job.attempt, Problem("job_died", "It died.").to_dict())
    assert workflow.delete_dataset(services, LOCAL, dataset.id).datasets == 1


def test_files_that_cannot_be_deleted_now_belong_to_no_row_and_keep_no_others(services, monkeypatch):
    dataset = workflow.upload(services, LOCAL, "a.jsonl", LINES)
    with services.db.reading() as session:
        job = session.scalar(select(Job.id).where(Job.dataset_id == dataset.id))
    services.blobs.folder(f"runs/{job}")
    delete = type(services.blobs).delete

    def fail(blobs, key):
        if key == f"datasets/{dataset.id}/":
            raise Problem("read_only", "It cannot be written.", status=500)
        delete(blobs, key)

    with monkeypatch.context() as broken, capture_logs() as logged:
        broken.setattr(type(services.blobs), "delete", fail)
        assert workflow.delete_dataset(services, LOCAL, dataset.id).datasets == 1
    assert not services.blobs.exists(f"runs/{job}")
    assert services.blobs.exists(f"datasets/{dataset.id}")
    (left,) = [entry for entry in logged if entry["event"] == "files_left"]
    assert (left["key"], left["reason"]) == (f"datasets/{dataset.id}/", "It cannot be written.")
    with pytest.raises(Problem, match="no dataset"):
        workflow.dataset_state(services, LOCAL, dataset.id)
    services.blobs.delete(f"datasets/{dataset.id}/")
