"""`GET /jobs`: runs and dry runs, newest first, page by page."""

import re
from datetime import UTC, datetime

import pytest

from webapp import workflow
from webapp.accounts import LOCAL, Caller
from webapp.storage.tables import Job

REFERENCE = {"id", "session_id", "dataset_filename", "status", "created_at"}


@pytest.fixture(scope="module")
def notebook(services, sample):
    return workflow.generate(services, LOCAL, sample, "smollm2-360m").id


@pytest.fixture
def runs(services, sample, notebook):
    """The ids of seven runs of the sample, newest first, the others gone."""
    with services.db.session() as session:
        for job in session.query(Job).where(Job.kind.in_(("run", "dry_run"))):
            session.delete(job)
    kinds = ["run", "dry_run"] * 3 + ["run"]
    return [workflow.create_run(services, LOCAL, sample, notebook, kind).id for kind in kinds][::-1]


def ids(answer):
    assert answer.status_code == 200, answer.json
    return [job["id"] for job in answer.json]


def following(answer):
    """The URL of the next page, if there is one."""
    found = re.fullmatch(r'<(/jobs\?.*)>; rel="next"', answer.headers.get("Link", ""))
    return found[1] if found else None


def test_the_list_is_a_bare_array_with_the_fields_of_the_reference(client, runs):
    answer = client.get("/jobs")
    assert isinstance(answer.json, list)
    assert ids(answer) == runs
    assert set(answer.json[0]) >= REFERENCE
    assert "result" not in answer.json[0]
    assert answer.json[0]["dataset_filename"] == "harbour_bikes.jsonl"


def test_analyses_are_not_listed(client, services, sample, runs):
    analysis = workflow.dataset_state(services, LOCAL, sample).job.id
    assert analysis not in ids(client.get("/jobs"))
    assert client.get(f"/jobs/{analysis}").status_code == 200


def test_it_is_paged_by_link(client, runs):
    seen, url, pages = [], "/jobs?limit=3", 0
    while url:
        answer = client.get(url)
        seen, url, pages = seen + ids(answer), following(answer), pages + 1
    assert (seen, pages) == (runs, 3)


def test_a_last_page_that_is_full_has_no_next(client, runs):
    assert following(client.get("/jobs?limit=7")) is None


def test_runs_made_or_deleted_meanwhile_neither_repeat_nor_hide_others(client, services, sample, notebook, runs):
    first = client.get("/jobs?limit=3")
    workflow.create_run(services, LOCAL, sample, notebook, "run")
    client.delete(f"/jobs/{runs[2]}")
    assert ids(client.get(following(first))) == runs[3:6]


def test_runs_of_one_moment_are_all_listed_once(client, services, runs):
    with services.db.session() as session:
        for job_id in runs:
            session.get(Job, job_id).created_at = datetime(2026, 1, 1, 0, 0, 0, 123457, tzinfo=UTC)
    seen, url = [], "/jobs?limit=2"
    while url:
        answer = client.get(url)
        seen, url = seen + ids(answer), following(answer)
    assert sorted(seen) == sorted(runs)


def test_the_list_is_filtered_and_pages_keep_the_filter(client, sample, runs):
    client.post(f"/jobs/{runs[0]}/cancel")
    assert ids(client.get("/jobs?status=cancelled")) == [runs[0]]
    first = client.get(f"/jobs?kind=run&status=created&session_id={sample.upper()}&limit=2")
    assert ids(first) == [runs[2], runs[4]]
    assert ids(client.get(following(first))) == [runs[6]]
    assert ids(client.get("/jobs?session_id=0e7a4c1e-5f5f-4a53-9a3c-0d9f7f3b8a11")) == []
    assert client.get("/jobs?session_id=5").json["error"]["param"] == "session_id"


@pytest.mark.parametrize(
    "query", ["status=done", "kind=analysis", "limit=0", "limit=101", "after=x", "after=1-nothing", "limit=x"]
)
def test_a_wrong_parameter_is_named(client, query):
    answer = client.get(f"/jobs?{query}")
    assert (answer.status_code, answer.json["error"]["param"]) == (400, query.partition("=")[0])


def test_the_runs_of_another_are_not_listed(services, runs):
    assert workflow.list_runs(services, Caller("ben"), limit=10).jobs == []
