"""Runs on a real server, through everything that ends one early."""

import time

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def order(server):
    """Orders a dry run of a notebook that saves a checkpoint after every step; answers its path."""
    session_id = server.post("/samples/harbour-bikes").json()["session_id"]
    while server.get(f"/analyze/{session_id}").status_code == 202:
        pass
    body = {"session_id": session_id, "model_id": "smollm2-360m", "training_config": {"checkpoint_minutes": 0}}
    notebook_id = server.post("/generate", json=body).json()["notebook_id"]
    body = {"session_id": session_id, "notebook_id": notebook_id, "kind": "dry_run", "start": True}

    def post(**fields):
        return server.post("/jobs", json=body | fields).json()["status_url"]

    return post


def until(server, url, holds):
    """The job once this holds."""
    while not holds(job := server.get(url).json()):
        time.sleep(0.05)
    return job


def ended(job):
    return job["status"] in ("completed", "failed", "cancelled")


def training(job):
    """Whether some steps have been done."""
    assert not ended(job), job["error"]
    return job["message"].startswith("step") and int(job["message"].split()[1].split("/")[0]) >= 10


def resume(server, url):
    """Takes the run up again to its end; checks that it went on from a checkpoint."""
    assert server.post(f"{url}/resume").status_code == 202
    job = until(server, url, ended)
    assert (job["status"], job["error"], job["result"]["error"]) == ("completed", None, None)
    assert "resuming after step" in server.get(f"{url}/logs").text
    assert server.get(f"{url}/report").json()["steps"] == job["result"]["steps"]
    return job


def test_a_cancelled_run_goes_on_when_it_is_resumed_and_is_gone_when_it_is_deleted(server, order):
    url = order()
    until(server, url, training)
    server.post(f"{url}/cancel")
    job = until(server, url, ended)
    assert job["status"] == "cancelled"
    assert server.get(f"{url}/report").status_code == 404
    assert any("/checkpoints/" in item["name"] for item in server.get(f"{url}/artifacts").json())
    assert resume(server, url)["attempt"] == 2
    files = server.get(f"{url}/artifacts").json()
    assert {"executed.ipynb", "tunebook-run/report.html"} <= {item["name"] for item in files}
    assert all(len(server.get(item["url"]).content) == item["size"] for item in files)
    deleted = server.request("DELETE", url).json()["deleted"]
    assert (deleted["measurements"], deleted["files"] >= len(files)) == (1, True)
    assert not (server.home / "files" / "runs" / job["id"]).exists()


def test_a_run_out_of_time_fails_with_its_report_and_goes_on_with_more(server, order):
    url = order(timeout_s=3)
    job = until(server, url, ended)
    assert (job["status"], job["error"]["code"]) == ("failed", "timed_out")
    assert job["result"]["cells"]["executed"] < job["result"]["cells"]["total"]
    server.request("PATCH", url, json={"timeout_s": 600})
    assert server.post(f"{url}/resume").json()["timeout_s"] == 600
    assert until(server, url, ended)["status"] == "completed"


def test_a_run_in_whose_midst_everything_is_killed_goes_on_by_itself(server, order):
    url = order()
    until(server, url, training)
    server.kill()
    server.start()
    job = until(server, url, ended)
    assert (job["status"], job["attempt"]) == ("completed", 2)
    assert "resuming after step" in server.get(f"{url}/logs").text
