"""Progress from anywhere: a run is handed over to a notebook, which reports it; whatever comes twice or late."""

import ast
import json
import uuid
from datetime import datetime, timedelta

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.jobs import attempts, claim
from webapp.storage import links
from webapp.storage.tables import Job, utc_now
from webapp.storage.tables import Notebook as NotebookRow
from webapp.workflow.progress import sign_progress

FIRST, SECOND = "run-one-aaaa", "run-two-bbbb"


@pytest.fixture(scope="module")
def notebook(services, sample):
    """The id of a notebook of the sample."""
    return workflow.generate(services, LOCAL, sample, "smollm2-360m").id


@pytest.fixture
def order(client, sample, notebook):
    """Orders a run, and answers its path."""

    def post(kind="run"):
        body = {"session_id": sample, "notebook_id": notebook, "kind": kind}
        return client.post("/jobs", json=body).json["status_url"]

    return post


class Notebook:
    """A notebook that is run somewhere: it reports to its job."""

    def __init__(self, client, url):
        self.client, self.url = client, url
        self.given = client.post(f"{url}/progress-token").json
        self.token = self.given["progress_token"]

    def send(self, *events, run=FIRST, token=None, **more):
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return self.client.post(f"{self.url}/progress", json={"run": run, "events": events} | more, headers=headers)

    def tell(self, *events, run=FIRST):
        answer = self.send(*events, run=run)
        assert answer.status_code == 200, answer.json
        return answer.json

    def job(self):
        return self.client.get(self.url).json

    def events(self, kind="metrics"):
        return [event for event in self.client.get(f"{self.url}/events").json if event["type"] == kind]

    def story(self):
        """The states that the job went through."""
        return [event["data"]["status"] for event in self.events("status")]

    def curve(self):
        """(attempt, step, loss) of every event, as a reader gets them."""
        return [(event["attempt"], event["data"]["step"], event["data"].get("loss")) for event in self.events()]


@pytest.fixture
def away(client, order):
    """A notebook that a run was handed over to."""
    return Notebook(client, order())


def step(number, loss=1.0, total=10, **more):
    return {"type": "metrics", "step": number, "total_steps": total, "loss": loss, **more}


def status(name, **more):
    return {"type": "status", "status": name, **more}


def failed(name, value):
    return status("failed", error={"name": name, "value": value})


def test_what_a_notebook_is_given_leads_to_its_job_and_expires(away, settings):
    assert away.given["progress_url"] == f"http://localhost{away.url}/progress"
    expires = datetime.fromisoformat(away.given["expires_at"])
    assert abs(expires - utc_now() - timedelta(seconds=settings.link_seconds)) < timedelta(minutes=1)
    assert away.job()["status"] == "created"


def test_no_supervisor_takes_a_run_that_was_handed_over(away, services, client):
    refusal = client.post(f"{away.url}/run")
    assert (refusal.status_code, refusal.json["error"]["code"]) == (409, "runs_elsewhere")
    away.tell(status("running"))
    assert claim(services.db, "test", 60) is None
    assert not attempts.glance(services.db, []).expired
    assert away.url in [f"/jobs/{job['id']}" for job in client.get("/jobs?executor=elsewhere").json]


def test_a_run_is_followed_from_its_first_report_to_its_last(away):
    assert away.tell(status("running")) == {"accepted": 0, "status": "running", "cancel": False}
    job = away.job()
    assert (job["status"], job["attempt"], job["progress"]) == ("running", 1, 0)
    assert job["started_at"]
    figures = {"epoch": 0.5, "eval_loss": 1.5, "learning_rate": 2e-4, "grad_norm": 0.7, "tokens_per_second": 900.0}
    figures |= {"memory_bytes": 2**33, "eta_seconds": 57.3}
    assert away.tell(step(4), step(5, 1.25, **figures))["accepted"] == 2
    job = away.job()
    assert (job["progress"], job["message"]) == (0.5, "step 5/10  loss 1.2500  57 s left")
    assert away.events()[-1]["data"] == {"step": 5, "total_steps": 10, "loss": 1.25, **figures}
    assert away.tell(step(10), status("completed"))["status"] == "completed"
    job = away.job()
    assert (job["status"], job["progress"], job["error"], bool(job["finished_at"])) == ("completed", 1.0, None, True)
    assert away.story() == ["created", "running", "completed"]


def test_a_report_that_comes_twice_adds_nothing(away):
    for _ in range(3):
        away.tell(status("running"), step(1), step(2))
        away.tell(step(3), step(3, 9.0))
    away.tell(status("completed"))
    assert away.tell(status("running"), step(1), step(2), status("completed"))["accepted"] == 0
    assert away.curve() == [(1, 1, 1.0), (1, 2, 1.0), (1, 3, 1.0)]
    assert away.story() == ["created", "running", "completed"]
    assert away.job()["attempt"] == 1


def test_reports_out_of_order_tell_the_same(away):
    away.tell(step(3), step(4))
    before = away.job()
    away.tell(status("running"), step(1), step(2))
    after = away.job()
    assert (
        (after["progress"], after["message"])
        == (before["progress"], before["message"])
        == (0.4, "step 4/10  loss 1.0000")
    )
    assert sorted(away.curve()) == [(1, number, 1.0) for number in (1, 2, 3, 4)]
    away.tell(status("completed"))
    assert away.tell(step(5))["status"] == "completed"
    assert len(away.curve()) == 5


def test_a_run_that_goes_on_from_a_checkpoint_is_another_attempt_and_its_steps_replace_those_done_twice(away):
    away.tell(status("running"), *[step(number, 2.0) for number in range(1, 7)])
    away.tell(status("running"), run=SECOND)
    assert (away.job()["progress"], away.job()["attempt"]) == (0, 2)
    away.tell(*[step(number, 1.0) for number in range(4, 8)], run=SECOND)
    away.tell(step(6, 2.0), step(7, 2.0), run=FIRST)  # late, of the one that was cut off
    job = away.job()
    assert (job["progress"], job["message"], job["attempt"]) == (0.7, "step 7/10  loss 1.0000", 2)
    latest = {number: (attempt, loss) for attempt, number, loss in sorted(away.curve())}
    assert latest == {1: (1, 2.0), 2: (1, 2.0), 3: (1, 2.0)} | dict.fromkeys((4, 5, 6, 7), (2, 1.0))
    away.tell(failed("RuntimeError", "late"), run=FIRST)
    assert away.job()["status"] == "running"
    assert away.tell(status("completed"), run=SECOND)["status"] == "completed"


def test_a_cell_that_failed_ends_the_run_with_its_cause_and_the_notebook_may_start_again(away):
    away.tell(step(1), failed("OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB."))
    job = away.job()
    assert (job["status"], job["error"]["code"]) == ("failed", "cell_failed")
    assert job["error"]["message"].startswith("OutOfMemoryError: CUDA out of memory")
    assert job["error"]["details"]["failure"]["code"] == "gpu_out_of_memory"
    assert away.tell(step(2))["status"] == "failed"  # a late one of the same start
    assert away.tell(status("running"), run=SECOND)["status"] == "running"
    job = away.job()
    assert (job["error"], job["finished_at"], job["attempt"]) == (None, None, 2)
    assert away.story() == ["created", "running", "failed", "running"]


def test_a_completed_run_stays_so(away):
    away.tell(status("completed"))
    assert away.tell(step(1), failed("ValueError", "x"), run=SECOND) == {
        "accepted": 0,
        "status": "completed",
        "cancel": False,
    }
    assert away.curve() == []


def test_a_cancelled_run_ends_at_once_and_its_notebook_is_told(away, client):
    away.tell(step(1))
    assert client.post(f"{away.url}/cancel").json["status"] == "cancelled"
    assert away.tell(step(2)) == {"accepted": 0, "status": "cancelled", "cancel": True}
    assert away.tell(failed("RunCancelled", "after step 2"))["status"] == "cancelled"
    assert away.tell(status("running"), run=SECOND)["cancel"]
    assert client.post(f"{away.url}/cancel").status_code == 200
    assert away.curve() == [(1, 1, 1.0)]


@pytest.mark.parametrize("ending", ["failed", "cancelled"])
def test_a_run_that_has_ended_early_is_taken_up_again_with_a_new_token(away, client, ending):
    away.tell(failed("ValueError", "x") if ending == "failed" else step(1))
    client.post(f"{away.url}/cancel")
    assert client.post(f"{away.url}/resume").json["error"]["code"] == "runs_elsewhere"
    again = Notebook(client, away.url)
    job = away.job()
    assert (job["status"], job["error"], job["finished_at"], job["progress"]) == ("created", None, None, 0)
    assert away.tell(step(1))["cancel"]  # the notebook from before, should it not have heard of its end
    again.tell(step(2), run=SECOND)
    job = away.job()
    assert (job["status"], job["attempt"]) == ("running", 2)


def test_a_token_may_be_asked_for_again_until_the_run_has_started(away, client):
    assert Notebook(client, away.url).token
    away.tell(step(1))
    answer = client.post(f"{away.url}/progress-token")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "invalid_transition")


def test_what_runs_here_is_not_handed_over(client, services, order):
    queued = order()
    client.post(f"{queued}/run")
    assert client.post(f"{queued}/progress-token").json["error"]["code"] == "invalid_transition"
    client.post(f"{queued}/cancel")
    assert client.post(f"{queued}/progress-token").json["error"]["code"] == "invalid_transition"
    assert client.post(f"{order('dry_run')}/progress-token").json["error"]["code"] == "not_a_run"
    assert client.post(f"/jobs/{uuid.uuid4()}/progress-token").status_code == 404


def test_a_run_that_is_not_heard_of_until_its_token_expires_has_failed(away, services):
    away.tell(step(1))
    with services.db.session() as session:
        session.get(Job, away.job()["id"]).lease_until = utc_now() - timedelta(seconds=1)
    assert attempts.glance(services.db, []).expired
    attempts.bury_expired(services.db)
    job = away.job()
    assert (job["status"], job["error"]["code"]) == ("failed", "timed_out")
    assert claim(services.db, "test", 60) is None


def parameters(content):
    """The literals of a notebook's parameters cell."""
    (source,) = [
        "".join(cell["source"])
        for cell in json.loads(content)["cells"]
        if "parameters" in cell["metadata"].get("tags", [])
    ]
    return {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(source).body}


def test_the_notebook_comes_with_what_it_needs_and_is_else_as_it_was(away, client, services):
    assert (away.given["colab_url"], "TUNEBOOK_PUBLIC_URL" in away.given["reason"]) == (None, True)
    answer = client.get(away.given["notebook_url"])
    assert answer.mimetype == "application/x-ipynb+json"
    found = parameters(answer.data)
    assert {name: found[name] for name in ("progress_url", "progress_token")} == {
        name: away.given[name] for name in ("progress_url", "progress_token")
    }
    with services.db.reading() as session:
        blob = session.get(NotebookRow, away.job()["notebook_id"]).blob
    kept = services.blobs.path(blob).read_bytes()
    assert found | {"progress_url": "", "progress_token": ""} == parameters(kept)
    emptied = answer.data
    for name in ("progress_url", "progress_token"):
        emptied = emptied.replace(f"'{found[name]}'".encode(), rb"\"\"")
    assert emptied == kept
    assert away.token.encode() not in kept
    assert away.send(step(1), token=found["progress_token"]).status_code == 200


def test_colabs_page_may_read_it_and_no_other(away, client):
    path = away.given["notebook_url"]
    origin = "https://colab.research.google.com"
    allowed = client.get(path, headers={"Origin": origin}).headers
    assert allowed["Access-Control-Allow-Origin"] == origin
    assert "Access-Control-Allow-Origin" not in client.get(path, headers={"Origin": "https://evil.example"}).headers


def test_a_link_to_a_notebook_is_good_for_that_alone_until_it_expires(away, client, services):
    job_id = away.url.rpartition("/")[2]
    path = away.given["notebook_url"]
    link, filename = path.split("/")[-2:]
    assert away.send(step(1), token=link).status_code == 401
    expired = links.sign(services.secret, f"jobs/{job_id}/notebook", -1)
    others = [(link, "other.ipynb"), (away.token, filename), ("nonsense", filename), (expired, filename)]
    for token, name in others:
        assert client.get(f"{away.url}/notebook/{token}/{name}").status_code == 404
    assert client.get(path.replace(job_id, str(uuid.uuid4()))).status_code == 404


@pytest.fixture
def token_of(services, away):
    """Tokens of every kind that the job does not take."""
    job_id = away.url.rpartition("/")[2]

    def make(kind):
        path = f"jobs/{job_id}/progress"
        return {
            "none": "",
            "nonsense": "nonsense",
            "of another job": links.sign(services.secret, f"jobs/{uuid.uuid4()}/progress", 60),
            "of a download": links.sign(services.secret, f"notebooks/{job_id}.ipynb", 60),
            "of another installation": links.sign("another secret", path, 60),
            "expired": links.sign(services.secret, path, -1),
            "longer": links.sign(services.secret, path, 60).replace(".", "9.", 1),
        }[kind]

    return make


@pytest.mark.parametrize(
    "kind",
    ["none", "nonsense", "of another job", "of a download", "of another installation", "expired", "longer"],
)
def test_only_the_jobs_own_token_is_taken_and_nothing_is_looked_at_before(away, token_of, kind):
    headers = {"Authorization": f"Bearer {token_of(kind)}"} if kind != "none" else {}
    answer = away.client.post(f"{away.url}/progress", data="no JSON", headers=headers)
    assert answer.status_code == 401
    assert answer.json["error"]["type"] == "authentication_error"
    expected = "progress_token_expired" if kind == "expired" else "invalid_progress_token"
    assert answer.json["error"]["code"] == expected
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert away.job()["status"] == "created"


def test_the_token_opens_nothing_else(away, client):
    headers = {"Authorization": f"Bearer {away.token}"}
    assert client.get(f"/download/{away.token}/x.ipynb", headers=headers).status_code == 404
    assert client.get(f"/data/{away.token}/x", headers=headers).status_code == 404
    assert Notebook(client, away.url).send(token=f"{away.token} x").status_code == 401


def test_reports_to_a_deleted_job_say_so(away, client):
    client.delete(away.url)
    answer = away.send(step(1))
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "job_not_found")


def test_of_a_run_that_a_supervisor_has_only_figures_are_taken(client, services, order):
    """The executor that gave its notebook the token says how it ends."""
    url = order()
    away = Notebook.__new__(Notebook)
    away.client, away.url = client, url
    away.token = sign_progress(services, url.rpartition("/")[2], 60).token
    assert away.tell(step(1)) == {"accepted": 0, "status": "created", "cancel": False}
    client.post(f"{url}/run")
    job = claim(services.db, "test", 60)
    assert away.tell(status("running"), step(1), step(2), failed("ValueError", "x"))["status"] == "running"
    away.tell(step(1), run=SECOND)
    assert (away.job()["attempt"], away.job()["progress"], away.curve()) == (1, 0.2, [(1, 1, 1.0), (1, 2, 1.0)])
    client.post(f"{url}/cancel")
    assert away.tell(step(3))["cancel"]
    attempts.release(services.db, job.id, 1)
    assert away.tell(step(4)) == {"accepted": 0, "status": "cancelled", "cancel": True}


@pytest.mark.parametrize(
    ("event", "param"),
    [
        ({"type": "metrics"}, "events.0.metrics.step"),
        (step(-1), "events.0.metrics.step"),
        (step(10**9), "events.0.metrics.step"),
        (step("3"), "events.0.metrics.step"),
        (step(1, "low"), "events.0.metrics.loss"),
        (step(1, learning=0.1), "events.0.metrics.learning"),
        (step(1, memory_bytes=-1), "events.0.metrics.memory_bytes"),
        (status("cancelled"), "events.0.status.status"),
        (failed("x" * 201, ""), "events.0.status.error.name"),
        (failed("", "x" * 4001), "events.0.status.error.value"),
        ({"type": "traceback"}, "events.0"),
        ([], "events.0"),
    ],
)
def test_what_is_not_a_report_is_refused_whole_with_the_field_named(away, event, param):
    answer = away.send(step(1), event) if param == "events" else away.send(event)
    assert (answer.status_code, answer.json["error"]["param"]) == (400, param)
    assert away.job()["status"] == "created"


@pytest.mark.parametrize("run", ["", "short", "x" * 65, "a b c d e f", None, 3])
def test_a_start_has_a_name_of_bounded_length(away, run):
    assert away.send(step(1), run=run).json["error"]["param"] == "run"


def test_a_report_has_a_bounded_number_of_events(away):
    assert away.tell(*[step(number, total=None) for number in range(500)])["accepted"] == 500
    assert away.send(*[step(number) for number in range(501)]).status_code == 400


def test_numbers_that_are_none_are_null_or_refused(away):
    headers = {"Authorization": f"Bearer {away.token}", "Content-Type": "application/json"}
    body = '{"run": "run-one-aaaa", "events": [{"type": "metrics", "step": 1, "loss": %s}]}'
    answer = away.client.post(f"{away.url}/progress", data=body % "NaN", headers=headers)
    assert answer.json["error"]["code"] == "invalid_json"
    assert away.client.post(f"{away.url}/progress", data=body % "1e999", headers=headers).status_code == 200
    assert away.events()[0]["data"] == {"step": 1, "loss": None}


def test_one_job_takes_a_bounded_number_of_starts(away, monkeypatch):
    monkeypatch.setattr("webapp.jobs.elsewhere.MOST_STARTS", 3)
    for number in range(5):
        away.tell(step(1), run=f"run-number-{number}")
    assert away.curve() == [(1, 1, 1.0), (2, 1, 1.0), (3, 1, 1.0)]


def test_the_public_address_is_what_a_notebook_elsewhere_reaches(client, app, order, monkeypatch):
    services = app.extensions["tunebook"]
    public = services.settings.model_copy(update={"public_url": "https://tunebook.example/"})
    monkeypatch.setitem(services.__dict__, "settings", public)
    url = order()
    assert client.post(f"{url}/progress-token").json["progress_url"] == f"https://tunebook.example{url}/progress"
