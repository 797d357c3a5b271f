"""kill -9 of everything: what an answer acknowledged is still there afterwards."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import requests


def line(number):
    messages = [{"role": "user", "content": f"{number}?"}, {"role": "assistant", "content": f"It is {number}."}]
    return json.dumps({"messages": messages}).encode() + b"\n"


def test_everything_acknowledged_is_still_there(server):
    session_id = server.post("/samples/harbour-bikes").json()["session_id"]
    report = server.get(f"/analyze/{session_id}").json()
    made = server.post("/generate", json={"session_id": session_id, "model_id": "smollm2-360m"}).json()
    notebook = server.get(made["download_url"]).content
    page = server.get(f"/preview/{session_id}?page=60").json()
    server.kill()
    assert server.start() < 15
    assert server.get(f"/analyze/{session_id}").json() == report
    assert server.get(f"/preview/{session_id}?page=60").json() == page
    assert server.get(made["download_url"]).content == notebook
    assert server.get(f"/notebooks/{made['notebook_id']}").status_code == 200


def test_an_analysis_that_was_ordered_is_done_after_the_restart(server):
    """Killed at once after the answer: whether the job waited or ran, its report comes."""
    session_id = server.post("/upload", files={"file": ("a.jsonl", b"".join(map(line, range(50))))}).json()[
        "session_id"
    ]
    server.kill()
    server.start()
    answer = server.get(f"/analyze/{session_id}")
    while answer.status_code == 202:
        answer = server.get(f"/analyze/{session_id}")
    assert answer.json()["total_examples"] == 50


def test_many_uploads_and_a_kill_in_their_midst(server):
    """Every upload that was answered is whole; of one that was not, nothing is shown."""
    content = b"".join(map(line, range(2000)))

    def upload(number):
        try:
            return server.post("/upload", files={"file": (f"{number}.jsonl", content)}).json()["session_id"]
        except requests.RequestException:
            return None

    with ThreadPoolExecutor(8) as pool:
        coming = [pool.submit(upload, number) for number in range(60)]
        while sum(done.done() for done in coming) < 10:
            pass
        server.kill()
        answered = [session_id for done in coming if (session_id := done.result())]
    assert len(answered) >= 10
    server.start()
    for session_id in answered:
        name = hashlib.sha256(content).hexdigest()
        assert (server.home / "files" / "datasets" / session_id / name).read_bytes() == content
        assert server.get(f"/datasets/{session_id}").status_code == 200


def test_a_second_start_on_the_same_home_changes_nothing(server):
    session_id = server.post("/samples/harbour-bikes").json()["session_id"]
    report = server.get(f"/analyze/{session_id}").json()
    for _ in range(2):
        server.stop()
        server.start()
        assert server.get(f"/analyze/{session_id}").json() == report


def test_a_fix_in_whose_midst_everything_is_killed_makes_one_whole_version(server):
    session_id = server.post("/upload", files={"file": ("a.jsonl", b"".join(map(line, [*range(20_000), 3])))}).json()[
        "session_id"
    ]
    while server.get(f"/analyze/{session_id}").status_code == 202:
        pass
    body = {"operations": [{"name": "redact"}, {"name": "dedupe", "kind": "near"}]}
    job = server.post(f"/datasets/{session_id}/fix", json=body).json()["status_url"]
    while not 0 < server.get(job).json()["progress"] < 1:
        pass
    server.kill()
    server.start()
    assert len(server.get(f"/datasets/{session_id}/versions").json()["versions"]) == 1
    while server.get(job).json()["status"] in ("queued", "running"):
        pass
    done = server.get(job).json()["result"]
    listed = server.get(f"/datasets/{session_id}/versions").json()
    assert [version["session_id"] for version in listed["versions"]] == [session_id, done["version_id"]]
    assert server.get(f"/analyze/{done['version_id']}").json()["total_examples"] == done["report"]["rows_written"]
