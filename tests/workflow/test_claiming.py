"""A visitor's dataset becomes one person's, whole."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from tests.databases import KINDS
from webapp import workflow
from webapp.accounts import LOCAL, NOBODY, VISITOR, Caller
from webapp.errors import Problem
from webapp.settings import Settings
from webapp.storage.people import AuditEvent
from webapp.storage.tables import Dataset, Job, Notebook, Upload

ADA, BOB = Caller("ada"), Caller("bob")
LINE = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'


def owners(services, dataset_id):
    with services.db.reading() as session:
        return {
            table.__tablename__: set(session.scalars(select(table.owner).where(column == dataset_id)))
            for table, column in (
                (Dataset, Dataset.id),
                (Job, Job.dataset_id),
                (Notebook, Notebook.dataset_id),
                (Upload, Upload.dataset_id),
            )
        }


def test_everything_made_from_it_comes_along_and_nothing_expires(services, work):
    lines = [LINE.replace(b'"a"', b'" %d"' % number) for number in range(40)]
    state = workflow.begin_upload(
        services, VISITOR, size=sum(map(len, lines)), filename="a", mime_type="", purpose="fine-tune"
    )
    part = workflow.add_part(services, VISITOR, state.upload.id, lines)
    root = workflow.complete_upload(services, VISITOR, state.upload.id, [part.id], None).dataset.id
    work()
    fix = workflow.start_fix(services, VISITOR, root, [{"name": "trim"}], preview=False)
    work()
    version = workflow.job_status(services, VISITOR, fix.id).result["version_id"]
    workflow.generate(services, VISITOR, root, "smollm2-360m")
    assert workflow.claim_dataset(services, ADA, version).id == root
    assert owners(services, root) == {name: {"ada"} for name in ("datasets", "jobs", "notebooks", "uploads")}
    assert owners(services, version)["datasets"] == {"ada"}
    assert workflow.dataset_state(services, ADA, version).expires_at is None
    with services.db.reading() as session:
        event = session.scalar(select(AuditEvent).where(AuditEvent.subject == root))
    assert (event.owner, event.action) == ("ada", "claimed")


def test_twice_by_the_same_person_is_fine_and_by_another_is_not_found(services):
    dataset = workflow.upload(services, VISITOR, "a.jsonl", [LINE])
    for _ in range(2):
        assert workflow.claim_dataset(services, ADA, dataset.id).owner == "ada"
    with pytest.raises(Problem) as caught:
        workflow.claim_dataset(services, BOB, dataset.id)
    assert (caught.value.code, caught.value.status) == ("dataset_not_found", 404)


@pytest.mark.parametrize("caller", [NOBODY, VISITOR])
def test_only_who_has_signed_in_can_claim(services, caller):
    dataset = workflow.upload(services, VISITOR, "a.jsonl", [LINE])
    with pytest.raises(Problem) as caught:
        workflow.claim_dataset(services, caller, dataset.id)
    assert caught.value.code == "sign_in_required"


def test_what_is_ones_own_already_stays_as_it_is(services):
    dataset = workflow.upload(services, LOCAL, "a.jsonl", [LINE])
    assert workflow.claim_dataset(services, LOCAL, dataset.id).owner is None


@pytest.mark.parametrize("database", KINDS, indirect=True)
def test_of_two_at_once_one_gets_it(database_url, tmp_path):
    services = workflow.open_services(Settings(home=tmp_path, database_url=database_url))
    dataset = workflow.upload(services, VISITOR, "a.jsonl", [LINE])

    def attempt(number):
        try:
            return workflow.claim_dataset(services, Caller(f"person-{number}"), dataset.id).owner
        except Problem as problem:
            return problem.code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, range(8)))
    (winner,) = [answer for answer in answers if answer != "dataset_not_found"]
    assert owners(services, dataset.id)["datasets"] == {winner}
    assert owners(services, dataset.id)["jobs"] == {winner}
    services.db.close()
