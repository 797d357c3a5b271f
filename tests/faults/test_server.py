"""The real server: it starts, serves the whole flow, and ends when it is told to."""

import os
import signal
import socket
import subprocess
import sys

import psutil
import pytest

from tests.conftest import until
from webapp.errors import Problem
from webapp.server import serve
from webapp.settings import Settings


def test_it_answers_a_few_seconds_after_starting_and_ends_in_less_than_three(server):
    server.stop()
    assert server.start() < 15
    assert server.get("/health").json()["status"] == "ok"
    assert server.stop() < 3


def test_the_flow_over_http(server):
    session_id = server.post("/samples/harbour-bikes").json()["session_id"]
    assert server.get(f"/analyze/{session_id}").json()["total_examples"] == 300
    purpose = {"session_id": session_id, "task_type": "conversation", "deployment_target": "desktop"}
    best = server.post("/recommend", json=purpose).json()["recommendations"][0]
    made = server.post("/generate", json={"session_id": session_id, "model_id": best["model_id"]}).json()
    assert server.get(made["download_url"]).json()["nbformat"] == 4


def test_a_file_over_the_limit_gets_its_answer(tmp_path, server):
    server.stop()
    server.variables["TUNEBOOK_MAX_UPLOAD_BYTES"] = "1000000"
    server.start()
    for size in (1_000_001, 5_000_000, 40_000_000):
        answer = server.post("/upload", files={"file": ("a.jsonl", b"x" * size)})
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "file_too_large"
    assert not list((tmp_path / "files" / "datasets").iterdir())


@pytest.mark.parametrize("victim", ["gunicorn", "webapp.workflow.worker"])
def test_when_one_half_dies_the_other_ends_and_it_says_so(tmp_path, server, victim):
    parts = psutil.Process(server.process.pid).children()
    (part,) = [part for part in parts if victim in " ".join(part.cmdline())]
    os.kill(part.pid, signal.SIGKILL)
    assert server.process.wait(5) != 0
    server.process.stdout.close()
    assert "ended by itself" in (tmp_path / "server.log").read_text()
    until(lambda: not any(part.is_running() for part in parts))


def test_nothing_is_left_when_only_the_parent_is_killed(server):
    parts = psutil.Process(server.process.pid).children(recursive=True)
    assert len(parts) >= 3
    server.process.kill()
    server.process.wait()
    server.process.stdout.close()
    until(lambda: not any(part.is_running() for part in parts))


def test_an_address_that_is_taken_is_a_problem_of_this_machine(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Problem) as caught:
            serve(Settings(home=tmp_path), "127.0.0.1", port)
    assert caught.value.code == "address_unavailable"
    assert caught.value.exit_code == 3
    assert str(port) in caught.value.message


def test_the_server_process_imports_no_model_library(tmp_path):
    """One whole request cycle; the jobs in between run elsewhere."""
    program = """
import subprocess, sys
from webapp import create_app
from webapp.jobs import claim
from webapp.settings import Settings
app = create_app(Settings())
db = app.extensions["tunebook"].db
db.migrate()
client = app.test_client()
def work():
    job = claim(db, "test", 60)
    subprocess.run([sys.executable, "-m", "webapp.workflow.child", job.id, str(job.attempt)], check=True)
session_id = client.post("/samples/harbour-bikes").json["session_id"]
work()
paths = ["/", "/health", "/docs", "/openapi.json", f"/analyze/{session_id}", f"/preview/{session_id}",
         f"/datasets/{session_id}", f"/datasets/{session_id}/models?task_type=qa&deployment_target=cloud",
         f"/datasets/{session_id}/plan?model_id=qwen3-1.7b"]
for path in paths:
    assert client.get(path).status_code == 200, path
body = {"session_id": session_id, "task_type": "qa", "deployment_target": "cloud"}
assert client.post("/recommend", json=body).status_code == 200
made = client.post("/generate", json={"session_id": session_id, "model_id": "qwen3-1.7b", "dry_run": True}).json
assert client.get(made["dry_run"]["status_url"]).json["status"] == "queued"
assert client.get(f"/notebooks/{made['notebook_id']}").status_code == 200
assert client.get(made["download_url"]).status_code == 200
print(sorted({"torch", "transformers", "peft", "accelerate", "tokenizers", "nbclient", "zmq"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"TUNEBOOK_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
