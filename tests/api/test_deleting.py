"""Deleting and claiming over HTTP; tests/workflow looks at every table and the store."""

import pytest

from webapp import workflow
from webapp.accounts import VISITOR, Caller
from webapp.jobs import claim
from webapp.workflow import deleting

UNKNOWN = "0e7a4c1e-5f5f-4a53-9a3c-0d9f7f3b8a11"


def test_a_deleted_dataset_is_told_in_counts_and_is_gone(client, services):
    session_id = client.post("/samples/harbour-bikes").json["session_id"]
    answer = client.delete(f"/datasets/{session_id}")
    assert answer.status_code == 200
    counts = answer.json["deleted"]
    assert (counts["datasets"], counts["jobs"], counts["files"]) == (1, 1, 1)
    assert counts["bytes"] > 100_000
    for again in (client.get(f"/analyze/{session_id}"), client.delete(f"/datasets/{session_id}")):
        assert (again.status_code, again.json["error"]["code"]) == (404, "dataset_not_found")


def test_a_deleted_notebook_is_gone_by_its_links_too(client, sample):
    made = client.post("/generate", json={"session_id": sample, "model_id": "smollm2-360m"}).json
    assert client.delete(f"/notebooks/{made['notebook_id']}").json["deleted"]["notebooks"] == 1
    assert client.get(made["download_url"]).status_code == 404
    assert client.get(f"/notebooks/{made['notebook_id']}/links").status_code == 404


def test_while_a_job_runs_it_is_told_when_to_ask_again(client, services, monkeypatch):
    monkeypatch.setattr(deleting, "WAIT_SECONDS", 0.0)
    session_id = client.post("/samples/harbour-bikes").json["session_id"]
    while (job := claim(services.db, "test", 60)) and job.dataset_id != session_id:
        pass
    answer = client.delete(f"/datasets/{session_id}")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "job_running")
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize("path", [f"/datasets/{UNKNOWN}", "/datasets/x", "/notebooks/x", "/datasets/.."])
def test_what_is_not_there_is_not_found(client, path):
    assert client.delete(path).status_code == 404


def test_who_signs_in_keeps_what_they_tried(app, services, monkeypatch):
    dataset = workflow.upload(services, VISITOR, "a.jsonl", [b"{}\n"])
    monkeypatch.setattr(services.authentication, "caller", lambda _: Caller("ada"), raising=False)
    answer = app.test_client().post(f"/datasets/{dataset.id}/claim")
    assert answer.json == {"session_id": dataset.id, "expires_at": None}
    monkeypatch.setattr(services.authentication, "caller", lambda _: Caller("bob"), raising=False)
    assert app.test_client().post(f"/datasets/{dataset.id}/claim").status_code == 404


def test_where_nobody_signs_in_there_is_no_account_to_delete(client):
    answer = client.delete("/v1/user/profile", json={"password": "x"})
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "no_accounts")
