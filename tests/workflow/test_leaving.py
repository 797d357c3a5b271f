"""Who leaves leaves nothing behind, in no table and in no folder, and takes nothing of anybody else's along."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from webapp import workflow
from webapp.accounts import LOCAL, Caller, audit
from webapp.errors import Problem
from webapp.jobs import attempts, claim, run_child
from webapp.settings import Settings
from webapp.storage.people import Account
from webapp.storage.tables import Base, Dataset, Job, Measurement
from webapp.workflow import deleting, open_services, retention
from webapp.workflow.account import hold_account
from webapp.workflow.kinds import job_kinds

pytestmark = pytest.mark.usefixtures("quick_passwords")
PASSWORD, ADDRESS = "correct horse battery", "192.0.2.1"
LINES = [f'{{"prompt": " {number}?", "completion": "{number} it is."}}\n'.encode() for number in range(60)]


@pytest.fixture
def services(database_url, tmp_path, monkeypatch):
    """A store with accounts, whose notebooks fetch their rows by links."""
    monkeypatch.setattr("webapp.workflow.delivering.fits", lambda _: False)
    settings = Settings(
        home=tmp_path / "home",
        hf_hub_cache=tmp_path / "hub",
        database_url=database_url,
        auth="local",
        public_url="https://tunebook.example",
    )
    made = open_services(settings)
    yield made
    made.db.close()


def work(services):
    while job := claim(services.db, "test", 60):
        run_child(services.db, job.id, job.attempt, job_kinds(services))


def begin_upload(services, person, size=9_999):
    begun = workflow.begin_upload(
        services, person, size=size, filename="a.jsonl", mime_type="text/jsonl", purpose="fine-tune"
    )
    return begun.upload.id, workflow.add_part(services, person, begun.upload.id, LINES).id


def somebody(services, name):
    """A person with one or more of everything there is."""
    signed_up = services.accounts.register(f"{name}@example.org", PASSWORD, name, ADDRESS)
    person = services.accounts.refresh(signed_up.refresh_token, ADDRESS).caller
    workflow.make_key(services, person, "CI", ["read"], None)
    upload_id, part_id = begin_upload(services, person, sum(map(len, LINES)))
    dataset = workflow.complete_upload(services, person, upload_id, [part_id], None).dataset
    workflow.upload(services, person, "b.jsonl", LINES[:20])
    begin_upload(services, person)
    work(services)
    fix = workflow.start_fix(services, person, dataset.id, [{"name": "trim"}], preview=False)
    work(services)
    version = workflow.job_status(services, person, fix.id).result["version_id"]
    workflow.export_dataset(services, person, version, "alpaca", "train", 0)
    work(services)
    notebook = workflow.generate(services, person, version, "smollm2-360m")
    run = workflow.create_run(services, person, version, notebook.id, "run")
    workflow.issue_ticket(services, person, run.id)
    with services.blobs.new_file(f"runs/{run.id}/tunebook-run/report.json") as file:
        file.write(b"{}")
    figures = dict.fromkeys(("predicted_seconds", "measured_seconds", "predicted_bytes"), 1)
    with services.db.session() as session:
        session.add(Measurement(job_id=run.id, model_id="m", method="lora", gpu="t4", miniature=False, **figures))
        audit.record(session, person, "downloaded", dataset.id)
    return person


def rows(services):
    """Every row of every table, as text."""
    with services.db.reading() as session:
        tables = Base.metadata.sorted_tables
        return {table.name: sorted(map(repr, session.execute(select(table)))) for table in tables}


def files(services):
    """Every file in the whole data folder, and every folder in the folders of the store."""
    home = services.settings.root
    found = {path.relative_to(home).as_posix(): path for path in sorted(home.rglob("*"))}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "a folder"
        for name, path in found.items()
        if path.is_file() or name.count("/") > 1
    }


@pytest.fixture
def ben(services):
    """Somebody who was here first."""
    return somebody(services, "ben")


@pytest.fixture
def before(services, ben):
    return rows(services), files(services)


@pytest.fixture
def ada(services, before):
    return somebody(services, "ada")


def refused(code, call, *arguments):
    with pytest.raises(Problem) as caught:
        call(*arguments)
    assert caught.value.code == code
    return caught.value


def test_everything_goes_and_what_is_anothers_stays(services, before, ada):
    there = rows(services), files(services)
    assert [name for name, lines in there[0].items() if len(lines) == len(before[0][name])] == []  # all take part
    told = workflow.account_belongings(services, ada)
    left = workflow.delete_account(services, ada, PASSWORD)
    assert (rows(services), files(services)) == before
    kept = [line for lines in rows(services).values() for line in lines if ada.id in line or "ada@" in line]
    assert kept == []
    assert not left.sign_in_remains
    counts = left.deleted.data
    assert (counts.datasets, counts.notebooks, counts.jobs, counts.links, counts.uploads) == (3, 1, 5, 1, 2)
    assert (left.deleted.unfinished, left.deleted.traces.api_keys, left.deleted.traces.sign_ins) == (1, 1, 1)
    assert counts.files > 10
    assert counts.bytes == told.data.bytes
    # The run that waited was called off, which is an event.
    assert counts.events == told.data.events + 1
    assert left.deleted.traces == told.traces


def test_it_is_in_the_log_without_the_address(services, ada):
    with capture_logs() as log:
        workflow.delete_account(services, ada, PASSWORD)
    (entry,) = [entry for entry in log if entry["event"] == "account_deleted"]
    assert (entry["account"], entry["datasets"]) == (ada.id, 3)
    assert "ada@" not in repr(log)
    assert ADDRESS not in repr(log)


def test_without_the_password_nothing_goes(services, ada):
    there = {name: lines for name, lines in rows(services).items() if name != "audit_events"}, files(services)
    assert refused("wrong_credentials", workflow.delete_account, services, ada, "not the password").status == 401
    now = rows(services)
    assert now.pop("audit_events")[-1].count("sign_in_failed") == 1
    assert (now, files(services)) == there


@pytest.mark.parametrize(
    ("caller", "code"),
    [(Caller("x", by_key=True), "not_for_keys"), (Caller("anonymous"), "sign_in_required")],
)
def test_who_is_not_a_person_deletes_none(services, caller, code):
    refused(code, workflow.delete_account, services, caller, PASSWORD)


def test_where_nobody_signs_in_there_is_none(services, tmp_path):
    off = open_services(Settings(home=tmp_path / "off"))
    refused("no_accounts", workflow.delete_account, off, LOCAL, PASSWORD)
    off.db.close()


def test_while_a_job_runs_nothing_goes(services, before, ada, monkeypatch):
    monkeypatch.setattr(deleting, "WAIT_SECONDS", 0.0)
    workflow.upload(services, ada, "c.jsonl", LINES)
    job = claim(services.db, "test", 60)
    there = {name: rows(services)[name] for name in ("datasets", "notebooks", "api_keys", "uploads", "accounts")}
    assert refused("job_running", workflow.delete_account, services, ada, PASSWORD).details["job_id"] == job.id
    assert {name: rows(services)[name] for name in there} == there
    with services.db.reading() as session:
        assert session.get_one(Job, job.id).cancel_requested
    attempts.fail(services.db, job.id, job.attempt, Problem("job_died", "It died.").to_dict())
    workflow.delete_account(services, ada, PASSWORD)
    assert (rows(services), files(services)) == before


class Killed(BaseException):
    """Nothing that the code under test could catch."""


@pytest.mark.parametrize("reached", [1, 2, 3, 4])
def test_killed_on_the_way_it_goes_on_when_it_is_asked_again(services, before, ada, monkeypatch, reached):
    """With the rows gone and the files not: of a dataset, of the other, of the uploads; and before the account goes."""
    steps = iter(range(1, 9))

    def die(real):
        def step(*arguments):
            if next(steps) == reached:
                raise Killed
            return real(*arguments)

        return step

    with monkeypatch.context() as dying:
        dying.setattr(deleting, "_delete_files", die(deleting._delete_files))
        dying.setattr(type(services.accounts), "remove", die(type(services.accounts).remove))
        with pytest.raises(Killed):
            workflow.delete_account(services, ada, PASSWORD)
    assert (rows(services), files(services)) != before
    again = services.accounts.sign_in(ada.email, PASSWORD, ADDRESS).caller
    assert again.id == ada.id
    workflow.delete_account(services, again, PASSWORD)
    assert rows(services) == before[0]
    monkeypatch.setattr(retention, "STRAY_AFTER", timedelta(seconds=-1))
    retention.delete_strays(services, Event())
    assert files(services) == before[1]


def test_two_who_ask_at_once_delete_each_dataset_once(services, before, ada, monkeypatch):
    """The second sees the datasets that the first deletes before it comes to them."""
    real = deleting.remove_dataset

    def twice(services, caller, root_id, action):
        real(services, caller, root_id, action)
        return real(services, caller, root_id, action)

    monkeypatch.setattr("webapp.workflow.leaving.remove_dataset", twice)
    workflow.delete_account(services, ada, PASSWORD)
    assert (rows(services), files(services)) == before


def test_what_still_comes_in_while_the_account_goes_is_refused_and_not_kept(services, before, ada):
    def chunks():
        yield LINES[0]
        workflow.delete_account(services, ada, PASSWORD)
        yield LINES[1]

    assert refused("invalid_token", workflow.upload, services, ada, "late.jsonl", chunks()).status == 401
    refused("invalid_token", workflow.make_key, services, ada, "late", ["read"], None)
    refused("invalid_token", begin_upload, services, ada)
    assert (rows(services), files(services)) == before


def test_the_account_waits_for_a_file_that_is_being_written_down(services):
    person = services.accounts.register("eve@example.org", PASSWORD, "Eve", ADDRESS).caller
    with ThreadPoolExecutor(1) as pool:
        with services.db.session() as session:
            hold_account(services, session, person)
            session.add(Dataset(owner=person.id, filename="f", size=1, sha256="", blob=""))
            session.flush()
            removing = pool.submit(services.accounts.remove, person)
            with pytest.raises(TimeoutError):
                removing.result(0.3)
        refused("account_owns_data", removing.result)


def test_whatever_comes_in_at_that_moment_goes_too_or_is_refused(services, before, ada):
    """Files from several sides, while the account is deleted until it is gone."""

    def uploading():
        return workflow.upload(services, ada, "again.jsonl", LINES[:2]).owner

    def refusals(*futures):
        return {found.code for future in futures if (found := future.exception()) is not None}

    with ThreadPoolExecutor(7) as pool:
        uploads = [pool.submit(uploading) for _ in range(30)]
        while refused := refusals(pool.submit(workflow.delete_account, services, ada, PASSWORD)):
            assert refused == {"account_owns_data"}
    assert refusals(*uploads) <= {"invalid_token"}
    assert (rows(services), files(services)) == before


def test_the_account_stays_while_there_is_anything_it_owns(services, ada):
    """As when a file came in behind the last look."""
    assert refused("account_owns_data", services.accounts.remove, ada).details == {"datasets": 3}
    with services.db.reading() as session:
        assert session.get(Account, ada.id)
