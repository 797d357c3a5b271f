"""How much a person may keep and have done at once; in `off` mode there is no limit."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import select, update

from tests.databases import KINDS
from tests.workflow.sending import lapse
from webapp import workflow
from webapp.accounts import LOCAL, VISITOR, Caller
from webapp.errors import Problem
from webapp.jobs import claim, run_child
from webapp.settings import Settings
from webapp.storage.tables import Dataset, Job
from webapp.workflow import quotas
from webapp.workflow.kinds import job_kinds
from webapp.workflow.versions import family

LINE = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b "}]}\n'
SIZE = len(LINE)


@pytest.fixture
def narrow(services):
    """Room for two such files and two jobs for each person."""
    change = {"max_stored_bytes": 2 * SIZE, "max_jobs": 2}
    return replace(services, settings=services.settings.model_copy(update=change))


def upload(services, caller, **more):
    return workflow.upload(services, caller, "a.jsonl", [LINE], **more)


@pytest.mark.parametrize(
    ("caller", "limits"),
    [
        (Caller("ada"), workflow.Limits(2 * SIZE, 2, 60)),
        (Caller("ada", tier="pro"), workflow.Limits(2 * SIZE, 2, 600)),
        (VISITOR, workflow.Limits(None, 2, 60)),
        (LOCAL, workflow.Limits()),
    ],
    ids=["free", "pro", "visitor", "local"],
)
def test_everyone_can_be_told_their_limits(narrow, caller, limits):
    assert workflow.limits(narrow, caller) == limits


def test_what_does_not_fit_is_refused_with_the_figures(narrow):
    ada = Caller("ada")
    upload(narrow, ada)
    upload(narrow, ada)
    with pytest.raises(Problem) as caught:
        upload(narrow, ada)
    assert (caught.value.code, caught.value.status) == ("storage_quota_exceeded", 413)
    assert caught.value.details == {"used": 2 * SIZE, "limit": 2 * SIZE}
    upload(narrow, Caller("another"))


def test_an_announced_length_is_refused_before_anything_is_read(narrow):
    def unread():
        raise AssertionError("it was read")
        yield b""

    with pytest.raises(Problem, match="may keep"):
        workflow.upload(narrow, Caller("bob"), "a.jsonl", unread(), announced=2 * SIZE + 1)


def test_a_file_in_parts_counts_from_its_beginning_and_no_more_once_it_is_called_off(narrow):
    cleo = Caller("cleo")
    file = {"filename": "a", "mime_type": "", "purpose": "fine-tune"}
    begun = workflow.begin_upload(narrow, cleo, size=2 * SIZE, **file)
    with pytest.raises(Problem, match="may keep"):
        upload(narrow, cleo)
    workflow.cancel_upload(narrow, cleo, begun.upload.id)
    upload(narrow, cleo)


def in_parts(services, caller):
    """Sends a file that fills the quota in one part; ids of the upload and the part."""
    state = workflow.begin_upload(services, caller, size=2 * SIZE, filename="a", mime_type="", purpose="fine-tune")
    return state.upload.id, [workflow.add_part(services, caller, state.upload.id, [LINE * 2]).id]


def test_a_file_counts_once_while_its_parts_are_put_together(narrow, meanwhile):
    gil, seen = Caller("gil"), []
    upload_id, part_ids = in_parts(narrow, gil)

    @meanwhile
    def send_another():
        with pytest.raises(Problem, match="may keep") as caught:
            upload(narrow, gil)
        seen.append(caught.value.details["used"])

    assert workflow.complete_upload(narrow, gil, upload_id, part_ids, None).dataset.size == 2 * SIZE
    assert seen == [2 * SIZE]


def test_a_file_whose_server_was_taken_for_killed_counts_no_more_and_has_to_fit_in_the_end(narrow, meanwhile):
    hal = Caller("hal")
    upload_id, part_ids = in_parts(narrow, hal)

    @meanwhile
    def send_another():
        lapse(narrow, upload_id)
        upload(narrow, hal)

    with pytest.raises(Problem, match="may keep"):
        workflow.complete_upload(narrow, hal, upload_id, part_ids, None)
    assert workflow.upload_state(narrow, hal, upload_id).status == "cancelled"
    assert workflow.profile(narrow, hal).usage.bytes_stored == SIZE


def test_a_deleted_dataset_makes_room(narrow):
    dan = Caller("dan")
    first = upload(narrow, dan)
    upload(narrow, dan)
    workflow.delete_dataset(narrow, dan, first.id)
    upload(narrow, dan)


def allowing(services, size, **more):
    """The same store with so much room for each person who signs in, by way of a project."""
    change = {"auth": "supabase", "max_stored_bytes": size} | more
    return replace(services, settings=services.settings.model_copy(update=change))


def work_through(services):
    while job := claim(services.db, "test", 60):
        run_child(services.db, job.id, job.attempt, job_kinds(services))


def fixed(services, caller, dataset_id, *, preview=False):
    job = workflow.start_fix(services, caller, dataset_id, [{"name": "trim"}], preview=preview)
    work_through(services)
    return workflow.job_status(services, caller, job.id)


def kept(services, dataset_id):
    """The versions of a dataset, their bytes, and the folders of the store."""
    with services.db.reading() as session:
        sizes = list(session.scalars(select(Dataset.size).where(family(dataset_id))))
    return len(sizes), sum(sizes), len(list(services.blobs.root.glob("datasets/*")))


def test_versions_count_and_one_that_does_not_fit_is_not_made(services):
    ida = Caller("ida")
    dataset = upload(allowing(services, SIZE), ida).id
    work_through(services)
    # The limit of a file is for what comes in.
    assert fixed(allowing(services, 9 * SIZE, max_upload_bytes=1), ida, dataset).status == "completed"
    before = _, used, _ = kept(services, dataset)
    limit = 2 * used - SIZE - 1  # one byte less than another version takes
    error = fixed(allowing(services, limit), ida, dataset).error
    assert (error["code"], error["details"]) == ("storage_quota_exceeded", {"used": used, "limit": limit})
    assert kept(services, dataset) == before
    assert fixed(allowing(services, limit + 1), ida, dataset).status == "completed"


def test_where_nothing_fits_any_more_a_fix_is_not_begun_and_a_preview_is(services):
    jon = Caller("jon")
    full = allowing(services, SIZE)
    dataset = upload(full, jon).id
    work_through(services)
    with pytest.raises(Problem) as caught:
        fixed(full, jon, dataset)
    assert (caught.value.code, caught.value.status) == ("storage_quota_exceeded", 413)
    assert fixed(full, jon, dataset, preview=True).status == "completed"


@pytest.mark.parametrize(("caller", "auth"), [(LOCAL, "off"), (VISITOR, "supabase")])
def test_versions_of_the_local_person_and_of_visitors_have_no_quota(services, caller, auth):
    tight = allowing(services, 1, auth=auth)
    dataset = upload(tight, caller).id
    work_through(services)
    assert fixed(tight, caller, dataset).status == "completed"


@pytest.mark.parametrize("caller", [LOCAL, VISITOR])
def test_neither_the_local_person_nor_visitors_together_fill_a_quota(narrow, caller):
    for _ in range(3):
        upload(narrow, caller)


def test_jobs_have_a_number_and_analyses_that_follow_an_upload_are_never_refused(narrow, work):
    work()
    eve = Caller("eve")
    dataset = upload(narrow, eve)
    work()
    orders = [{"name": "trim"}]
    for _ in range(2):
        last = workflow.start_fix(narrow, eve, dataset.id, orders, preview=True)
    with pytest.raises(Problem) as caught:
        workflow.start_fix(narrow, eve, dataset.id, orders, preview=True)
    assert (caught.value.code, caught.value.status) == ("too_many_jobs", 429)
    assert caught.value.details == {"limit": 2, "retry_after": 10}
    assert upload(narrow, eve)
    work()
    assert workflow.job_status(narrow, eve, last.id).finished
    workflow.start_fix(narrow, eve, dataset.id, orders, preview=True)


def test_a_visitors_jobs_are_counted_by_dataset(narrow, work):
    one, other = upload(narrow, VISITOR), upload(narrow, VISITOR)
    work()
    for _ in range(2):
        workflow.start_fix(narrow, VISITOR, one.id, [{"name": "trim"}], preview=True)
    with pytest.raises(Problem, match="of your jobs"):
        workflow.start_fix(narrow, VISITOR, one.id, [{"name": "trim"}], preview=True)
    workflow.start_fix(narrow, VISITOR, other.id, [{"name": "trim"}], preview=True)
    work()


def test_the_local_person_has_no_limit_of_jobs(narrow, work):
    dataset = upload(narrow, LOCAL)
    work()
    for _ in range(3):
        workflow.start_fix(narrow, LOCAL, dataset.id, [{"name": "trim"}], preview=True)
    work()


def test_a_run_that_waits_for_its_order_takes_no_place_until_it_is_started(narrow, services, work):
    work()
    fay = Caller("fay")
    lines = b"".join(LINE.replace(b'"a"', b'"%d"' % number) for number in range(12))
    dataset = workflow.upload(services, fay, "a.jsonl", [lines])
    work()
    notebook = workflow.generate(services, fay, dataset.id, "smollm2-360m")
    jobs = [workflow.create_run(narrow, fay, dataset.id, notebook.id, "dry_run") for _ in range(3)]
    for job in jobs[:2]:
        workflow.start_run(narrow, fay, job.id)
    with pytest.raises(Problem, match="of your jobs"):
        workflow.start_run(narrow, fay, jobs[2].id)
    assert workflow.job_status(narrow, fay, jobs[2].id).status == "created"
    workflow.cancel_job(narrow, fay, jobs[0].id)
    assert workflow.start_run(narrow, fay, jobs[2].id).status == "queued"
    workflow.delete_dataset(narrow, fay, dataset.id)


@pytest.mark.parametrize("database", KINDS, indirect=True)
def test_of_many_that_come_at_once_only_those_that_fit_are_taken(database_url, tmp_path):
    settings = Settings(home=tmp_path, database_url=database_url, max_stored_bytes=2 * SIZE, max_jobs=2)
    services, ada = workflow.open_services(settings), Caller("ada")
    together = threading.Barrier(6)

    def come(order):
        together.wait()
        try:
            order()
        except Problem as problem:
            return problem.code
        return "taken"

    def body():
        yield LINE
        together.wait()  # all of them have been told that there is room

    with ThreadPoolExecutor(6) as pool:
        sent = [pool.submit(come, lambda: workflow.upload(services, ada, "a.jsonl", body())) for _ in range(6)]
        assert Counter(one.result() for one in sent) == {"taken": 2, "storage_quota_exceeded": 4}
    with services.db.session() as session:
        session.execute(update(Job).values(status="completed"))
        datasets = list(session.scalars(select(Dataset.id)))
    with ThreadPoolExecutor(6) as pool:
        order = partial(order_job, services, ada, datasets[0])
        assert Counter(pool.map(come, [order] * 6)) == {"taken": 2, "too_many_jobs": 4}
    services.db.close()


def order_job(services, caller, dataset_id):
    """Orders a job where there is a place."""
    with services.db.session() as session:
        quotas.require_place(services, session, caller, dataset_id)
        session.add(Job(kind="fix", owner=caller.id, dataset_id=dataset_id))
