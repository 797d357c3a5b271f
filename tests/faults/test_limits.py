"""A run that takes more than the settings allow, on the real server: stopped with its whole family, and explained."""

import time

import pytest

from tests.conftest import Server, started_with

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def tight(tmp_path):
    """A server whose jobs may hold 450 MB: enough for an analysis, too little for torch."""
    made = Server(tmp_path, {"TUNEBOOK_JOB_MEMORY": "450000000"})
    made.start()
    yield made
    made.stop()


def test_a_dry_run_that_holds_too_much_memory_says_so_and_leaves_nothing_behind(tight):
    session_id = tight.post("/samples/harbour-bikes").json()["session_id"]
    while tight.get(f"/analyze/{session_id}").status_code == 202:
        pass
    body = {"session_id": session_id, "model_id": "smollm2-360m", "dry_run": True}
    path = tight.post("/generate", json=body).json()["dry_run"]["status_url"]
    deadline = time.monotonic() + 120
    while (job := tight.get(path).json())["status"] in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    error = job["error"]
    assert (job["status"], error["code"], job["attempt"]) == ("failed", "memory_exceeded", 1)
    assert error["details"]["used_bytes"] > error["details"]["limit_bytes"] == 450_000_000
    assert error["details"]["failure"]["cause"] == "The run held more main memory than it may"
    assert not started_with("ipykernel", tight.process.pid)
    assert not started_with("workflow.child", tight.process.pid)
