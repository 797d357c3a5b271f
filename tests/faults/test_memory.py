"""The server's memory does not follow the size of what passes through it."""

import json

import psutil

MEGABYTE = 10**6
SIZE = 100 * MEGABYTE
ALLOWED_GROWTH = 30 * MEGABYTE


def resident(server):
    """Bytes of memory of the whole web server, its jobs left out."""
    (master,) = [
        part for part in psutil.Process(server.process.pid).children() if "gunicorn" in " ".join(part.cmdline())
    ]
    return sum(part.memory_info().rss for part in [master, *master.children()])


def test_a_flow_with_100_megabytes_adds_little(server, tmp_path):
    path = tmp_path / "large.jsonl"
    with path.open("wb") as file:
        for number in range(SIZE // 4000):
            text = f"{number} " + "and so it goes on " * 218
            messages = [{"role": "user", "content": "Go on."}, {"role": "assistant", "content": text}]
            file.write(json.dumps({"messages": messages}).encode() + b"\n")
    assert path.stat().st_size > 0.95 * SIZE
    server.get("/health")
    idle = resident(server)
    with path.open("rb") as file:
        session_id = server.post("/upload", files={"file": ("large.jsonl", file)}).json()["session_id"]
    while (answer := server.get(f"/analyze/{session_id}")).status_code == 202:
        assert resident(server) - idle < ALLOWED_GROWTH
    assert answer.json()["total_examples"] == SIZE // 4000
    purpose = {"session_id": session_id, "task_type": "qa", "deployment_target": "cloud"}
    for path in (f"/preview/{session_id}?page=200&page_size=100", f"/datasets/{session_id}", "/docs", "/openapi.json"):
        assert server.get(path).status_code == 200
    assert server.post("/recommend", json=purpose).status_code == 200
    server.post("/generate", json={"session_id": session_id, "model_id": "qwen3-1.7b"})
    assert resident(server) - idle < ALLOWED_GROWTH
