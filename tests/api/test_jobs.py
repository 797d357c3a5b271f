"""How a job stands: `GET /jobs/{id}`."""

from datetime import datetime

import pytest

FIELDS = {
    "id",
    "session_id",
    "dataset_filename",
    "notebook_id",
    "kind",
    "executor",
    "name",
    "note",
    "timeout_s",
    "status",
    "status_url",
    "attempt",
    "cancel_requested",
    "progress",
    "message",
    "result",
    "error",
    "created_at",
    "started_at",
    "finished_at",
}


@pytest.fixture
def status_url(client, send, monkeypatch):
    """The status URL of an analysis of the given content."""
    monkeypatch.setattr("webapp.api.datasets.WAIT_SECONDS", 0)

    def url(content):
        return client.get(f"/analyze/{send(content).json['session_id']}").json["status_url"]

    return url


def test_a_job_from_order_to_result(client, status_url, work):
    url = status_url(b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}')
    queued = client.get(url).json
    assert set(queued) == FIELDS
    assert (queued["status"], queued["progress"], queued["finished_at"]) == ("queued", 0, None)
    assert (queued["status_url"], queued["timeout_s"], queued["attempt"]) == (url, None, 0)
    work()
    done = client.get(url).json
    assert (done["status"], done["progress"], done["error"]) == ("completed", 1, None)
    assert done["result"]["total_examples"] == 1
    moments = [datetime.fromisoformat(done[name]) for name in ("created_at", "started_at", "finished_at")]
    assert moments == sorted(moments)
    assert moments[0].tzinfo is not None


def test_a_failed_job_says_why(client, status_url, work):
    url = status_url(b"not json")
    work()
    failed = client.get(url).json
    assert failed["status"] == "failed"
    assert failed["error"]["code"] == "no_valid_examples"
    assert failed["error"]["message"]


@pytest.mark.parametrize("job_id", ["0e7a4c1e-5f5f-4a53-9a3c-0d9f7f3b8a11", "nonsense", "%00"])
def test_an_unknown_job_is_404(client, job_id):
    answer = client.get(f"/jobs/{job_id}")
    assert answer.status_code == 404
    assert answer.json["error"]["code"] == "job_not_found"
