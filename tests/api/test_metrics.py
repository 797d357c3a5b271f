"""`/metrics`: what is counted, under which few names, and for whom."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from webapp import create_app, workflow
from webapp.accounts import LOCAL
from webapp.jobs import claim
from webapp.settings import Settings


def figures(answer):
    """Name and labels of each sample, without the process, to its value."""
    return {
        (sample.name, *sorted(value for name, value in sample.labels.items() if name != "process")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_requests_are_counted_by_route_never_by_path(client):
    before = figures(client.get("/metrics"))
    for path in ("/jobs/very-secret-id", "/jobs/another-id", "/download/secret-token/x.ipynb", "/no/such/secret-place"):
        client.get(path)
    answer = client.get("/metrics")
    after = figures(answer)
    for route, count in {"/jobs/<job_id>": 2, "/download/<token>/<filename>": 1, "none": 1}.items():
        name = ("tunebook_requests_total", *sorted(("GET", route, "404")))
        assert after[name] - before.get(name, 0) == count
        assert after["tunebook_request_seconds_count", *sorted(("GET", route))] >= count
    assert "secret" not in answer.text


def test_methods_nobody_knows_are_one(client):
    for number in range(3):
        client.open("/health", method=f"STRANGE{number}")
    text = client.get("/metrics").text
    assert "STRANGE" not in text
    assert 'method="other"' in text


def test_jobs_are_told_by_state_and_how_long_the_oldest_waits(client, services, sample):
    def told():
        return figures(client.get("/metrics"))

    assert told()["tunebook_queue_age_seconds",] == 0
    notebook = workflow.generate(services, LOCAL, sample, "smollm2-360m")
    job = workflow.create_run(services, LOCAL, sample, notebook.id, "run")
    assert told()["tunebook_jobs", "created"] == 1
    workflow.start_run(services, LOCAL, job.id)
    waiting = told()
    assert (waiting["tunebook_jobs", "queued"], waiting["tunebook_jobs", "created"]) == (1, 0)
    assert waiting["tunebook_queue_age_seconds",] > 0
    claim(services.db, "test", 60)
    assert told()["tunebook_jobs", "running"] == 1
    with services.tailer.open(job.id):
        assert told()["tunebook_open_streams",] == 1
    assert told()["tunebook_open_streams",] == 0


def test_the_process_is_measured(client):
    names = {name for name, *_ in figures(client.get("/metrics"))}
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"} <= names


def test_without_a_database_the_rest_is_told(tmp_path):
    app = create_app(Settings(home=tmp_path))
    found = figures(app.test_client().get("/metrics"))
    app.extensions["tunebook"].db.close()
    assert found["tunebook_database_up",] == 0
    assert ("tunebook_open_streams",) in found
    assert not any(name == "tunebook_jobs" for name, *_ in found)


TOKEN = {"Authorization": "Bearer s3cret"}


@pytest.mark.parametrize(
    ("more", "headers", "status"),
    [
        ({}, {}, 200),
        ({"metrics_token": "s3cret"}, TOKEN, 200),
        ({"metrics_token": "s3cret"}, {}, 404),
        ({"metrics_token": "s3cret"}, {"Authorization": "Bearer guess"}, 404),
        ({"metrics_token": "s3cret", "auth": "local"}, TOKEN, 200),
        ({"metrics_token": "s3cret", "auth": "local"}, {"Authorization": "Bearer é"}, 404),
        ({"auth": "local"}, {}, 404),
        ({"auth": "local"}, TOKEN, 404),
    ],
)
def test_it_is_opened_by_its_token_and_else_only_where_nobody_signs_in(tmp_path, more, headers, status):
    app = create_app(Settings(home=tmp_path, **more))
    answer = app.test_client().get("/metrics", headers=headers)
    app.extensions["tunebook"].db.close()
    assert answer.status_code == status
    if status == 404:
        assert answer.json["error"]["code"] == "not_found"


def test_its_token_cannot_be_guessed_quickly(tmp_path):
    app = create_app(Settings(home=tmp_path, auth="local", metrics_token="s3cret", rate_free=3))
    tried = [
        app.test_client().get("/metrics", headers={"Authorization": f"Bearer {number}"}).status_code
        for number in range(5)
    ]
    assert tried == [404, 404, 404, 429, 429]
