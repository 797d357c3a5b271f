"""Runs over HTTP: ordered, started, changed, called off, taken up again, deleted."""

import uuid

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.jobs import attempts, claim, enqueue
from webapp.workflow.job_files import run_key

ERROR = {"code": "cell_failed", "message": "boom", "status": 500, "param": None, "details": {}}


@pytest.fixture(scope="module")
def notebook(services, sample):
    """The id of a notebook of the sample."""
    return workflow.generate(services, LOCAL, sample, "smollm2-360m").id


@pytest.fixture
def order(client, sample, notebook):
    """Orders a run, and answers the job."""

    def post(**fields):
        answer = client.post("/jobs", json={"session_id": sample, "notebook_id": notebook, "kind": "run"} | fields)
        assert answer.status_code == 201, answer.json
        return answer.json

    return post


@pytest.fixture
def brought_to(client, services, order):
    """The URL of a run in the given state."""

    def bring(status):
        job = order()
        if status == "created":
            return job["status_url"]
        client.post(f"{job['status_url']}/run")
        if status == "cancelled":
            client.post(f"{job['status_url']}/cancel")
        if status in ("running", "completed", "failed"):
            assert claim(services.db, "test", 60).id == job["id"]
        if status == "completed":
            attempts.finish(services.db, job["id"], 1, {})
        if status == "failed":
            attempts.fail(services.db, job["id"], 1, ERROR)
        return job["status_url"]

    yield bring
    while claim(services.db, "test", 60):
        pass  # what a test left waiting shall not be taken for the next one's


def refused(answer, code):
    """Whether this is a conflict that asking again does not solve."""
    assert (answer.status_code, answer.json["error"]["code"]) == (409, code), answer.json
    assert answer.headers["x-should-retry"] == "false"
    assert "Retry-After" not in answer.headers
    return True


def test_a_run_is_a_record_first_and_nothing_runs(client, services, order, sample, notebook, settings):
    job = order(name="First try", note="with the defaults")
    assert (job["status"], job["kind"], job["attempt"]) == ("created", "run", 0)
    assert (job["session_id"], job["notebook_id"]) == (sample, notebook)
    assert (job["name"], job["note"], job["timeout_s"]) == ("First try", "with the defaults", settings.run_timeout)
    assert claim(services.db, "test", 60) is None
    assert client.get(job["status_url"]).json == job


@pytest.mark.parametrize("place", ["local", "colab", "ray"])
def test_a_run_says_where_it_is_to_be_done(client, order, place):
    job = order(executor=place)
    assert job["executor"] == place
    assert job["id"] in [listed["id"] for listed in client.get(f"/jobs?executor={place}").json]
    assert {listed["executor"] for listed in client.get(f"/jobs?executor={place}").json} == {place}


def test_a_dry_run_is_not_sent_elsewhere(client, sample, notebook):
    body = {"session_id": sample, "notebook_id": notebook, "kind": "dry_run", "executor": "colab"}
    error = client.post("/jobs", json=body).json["error"]
    assert (error["code"], error["param"]) == ("dry_run_is_local", "executor")


def test_an_order_names_the_address_of_the_job(client, sample, notebook):
    answer = client.post("/jobs", json={"session_id": sample, "notebook_id": notebook, "kind": "dry_run"})
    assert answer.headers["Location"].endswith(answer.json["status_url"])


def test_an_order_may_start_at_once(client, order, settings):
    job = order(kind="dry_run", start=True)
    assert (job["status"], job["timeout_s"]) == ("queued", settings.job_timeout)
    states = [event["data"]["status"] for event in client.get(f"{job['status_url']}/events").json]
    assert states == ["created", "queued"]
    client.post(f"{job['status_url']}/cancel")


def test_a_record_of_a_dry_run_is_not_taken_for_one_under_way(client, services, order, notebook):
    created = order(kind="dry_run")
    job = workflow.start_dry_run(services, LOCAL, notebook)
    assert job.id != created["id"]
    client.post(f"{job.url}/cancel")


@pytest.mark.parametrize(
    ("changes", "status", "param"),
    [
        ({"kind": "analysis"}, 400, "kind"),
        ({"kind": None}, 400, "kind"),
        ({"model_path": "/models/mine"}, 400, "model_path"),
        ({"executor": "moon"}, 400, "executor"),
        ({"timeout_s": 0}, 400, "timeout_s"),
        ({"timeout_s": 1e9}, 400, "timeout_s"),
        ({"name": "x" * 201}, 400, "name"),
        ({"session_id": str(uuid.uuid4())}, 404, "session_id"),
        ({"notebook_id": str(uuid.uuid4())}, 404, "notebook_id"),
        ({"notebook_id": "../.."}, 404, "notebook_id"),
    ],
)
def test_an_order_that_cannot_be_is_refused(client, sample, notebook, changes, status, param):
    body = {"session_id": sample, "notebook_id": notebook, "kind": "run"} | changes
    answer = client.post("/jobs", json=body)
    assert (answer.status_code, answer.json["error"]["param"]) == (status, param)


def test_a_notebook_of_another_dataset_is_not_found(client, analysed, notebook):
    other = analysed(b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}')
    answer = client.post("/jobs", json={"session_id": other, "notebook_id": notebook, "kind": "run"})
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "notebook_not_found")


def test_a_created_run_is_started_once(client, services, brought_to):
    url = brought_to("created")
    answer = client.post(f"{url}/run")
    assert (answer.status_code, answer.json["status"], answer.headers["Retry-After"]) == (202, "queued", "1")
    assert refused(client.post(f"{url}/run"), "invalid_transition")


@pytest.mark.parametrize("status", ["queued", "running", "completed", "failed", "cancelled"])
def test_only_a_created_run_is_started(client, brought_to, status):
    url = brought_to(status)
    answer = client.post(f"{url}/run")
    assert refused(answer, "invalid_transition")
    assert answer.json["error"]["details"] == {"status": status, "allowed": ["created"]}
    assert client.get(url).json["status"] == status


@pytest.mark.parametrize("status", ["created", "queued", "running", "completed"])
def test_only_what_failed_or_was_cancelled_is_resumed(client, brought_to, status):
    url = brought_to(status)
    assert refused(client.post(f"{url}/resume"), "invalid_transition")
    assert client.get(url).json["status"] == status


def test_a_resumed_run_keeps_its_files_and_runs_as_its_next_attempt(client, services, brought_to):
    url = brought_to("failed")
    checkpoint = services.blobs.folder(run_key(client.get(url).json["id"])) / "checkpoint"
    checkpoint.write_bytes(b"weights")
    answer = client.post(f"{url}/resume")
    assert (answer.status_code, answer.json["status"], answer.json["error"]) == (202, "queued", None)
    assert claim(services.db, "test", 60).attempt == 2
    assert checkpoint.read_bytes() == b"weights"
    states = [event["data"]["status"] for event in client.get(f"{url}/events").json]
    assert states == ["created", "queued", "running", "failed", "queued", "running"]


@pytest.mark.parametrize("status", ["created", "queued", "cancelled"])
def test_what_does_not_run_is_cancelled_at_once(client, brought_to, status):
    answer = client.post(f"{brought_to(status)}/cancel")
    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")


def test_a_running_run_is_asked_to_stop(client, brought_to):
    answer = client.post(f"{brought_to('running')}/cancel")
    assert (answer.json["status"], answer.json["cancel_requested"]) == ("running", True)


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_what_has_ended_is_not_cancelled(client, brought_to, status):
    assert refused(client.post(f"{brought_to(status)}/cancel"), "job_finished")


def test_a_run_is_named_and_limited_and_keeps_what_is_left_out(client, brought_to, settings):
    url = brought_to("created")
    assert client.patch(url, json={"name": "A", "timeout_s": 60}).json["timeout_s"] == 60
    job = client.patch(url, json={"note": "B\u0000"}).json
    assert (job["name"], job["note"], job["timeout_s"]) == ("A", "B\ufffd", 60)
    job = client.patch(url, json={"name": None, "timeout_s": None}).json
    assert (job["name"], job["note"], job["timeout_s"]) == (None, "B\ufffd", settings.run_timeout)
    assert client.patch(url, json={}).json == job


def test_a_running_run_can_be_named_but_not_given_another_time(client, brought_to):
    url = brought_to("running")
    assert client.patch(url, json={"name": "A"}).json["name"] == "A"
    assert refused(client.patch(url, json={"name": "B", "timeout_s": 60}), "job_running")
    assert client.get(url).json["name"] == "A"


@pytest.mark.parametrize("status", ["completed", None, 3])
def test_a_status_is_never_set_and_the_refusal_says_what_does(client, brought_to, status):
    url = brought_to("created")
    answer = client.patch(url, json={"name": "A", "status": status})
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "status_not_settable")
    assert "/cancel" in answer.json["detail"]
    assert client.get(url).json["name"] is None


@pytest.mark.parametrize("status", ["created", "queued", "completed", "failed", "cancelled"])
def test_a_deleted_run_is_gone_with_its_events_and_files(client, services, brought_to, status):
    url = brought_to(status)
    folder = services.blobs.folder(run_key(url.rpartition("/")[2]))
    (folder / "tunebook-run").mkdir()
    (folder / "tunebook-run" / "adapter.bin").write_bytes(b"x" * 1000)
    (folder / "executed.ipynb").write_bytes(b"y" * 24)
    events = len(client.get(f"{url}/events").json)
    deleted = client.delete(url).json["deleted"]
    assert deleted == {"jobs": 1, "events": events, "measurements": 0, "files": 2, "bytes": 1024}
    assert not folder.exists()
    assert client.get(url).status_code == client.get(f"{url}/events").status_code == 404
    assert client.delete(url).status_code == 404
    assert claim(services.db, "test", 60) is None


def test_a_running_run_is_not_deleted(client, brought_to):
    url = brought_to("running")
    answer = client.delete(url)
    assert refused(answer, "job_running")
    assert "cancel it first" in answer.json["detail"]
    assert client.get(url).status_code == 200


def test_the_jobs_of_a_dataset_go_with_it_alone(client, services, sample):
    with services.db.session() as session:
        url = f"/jobs/{enqueue(session, 'analysis', owner=None, dataset_id=sample).id}"
    client.post(f"{url}/cancel")
    for answer in (client.delete(url), client.post(f"{url}/resume"), client.patch(url, json={"name": "x"})):
        assert refused(answer, "not_a_run")
    assert client.get(url).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/run"),
        ("POST", "/cancel"),
        ("POST", "/resume"),
        ("GET", "/events"),
        ("GET", "/logs"),
        ("GET", "/artifacts"),
        ("GET", "/artifacts/executed.ipynb"),
        ("GET", "/report"),
    ],
)
@pytest.mark.parametrize("job_id", ["0e7a4c1e-5f5f-4a53-9a3c-0d9f7f3b8a11", "nonsense", "%00"])
def test_nothing_can_be_asked_of_an_unknown_job(client, method, path, job_id):
    answer = client.open(f"/jobs/{job_id}{path}", method=method, json={} if method == "PATCH" else None)
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "job_not_found")
