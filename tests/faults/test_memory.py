"""The server holds no dataset: a whole flow with 100 MB leaves it about as large as it was when idle."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

MB = 1_000_000


def varied(draw: random.Random) -> str:
    """1,500 characters that hardly compress."""
    return draw.randbytes(750).hex()


def repetitive(draw: random.Random) -> str:
    """1,600 characters of which little is new: 100 MB of them compress to a little under 5 MB."""
    blocks = [random.Random(number).randbytes(200).hex() for number in range(20)]
    return " ".join([draw.randbytes(29).hex(), *draw.choices(blocks, k=4)])


def write_file(path: Path, text: Callable[[random.Random], str]) -> None:
    """100 MB of different conversations."""
    draw = random.Random(0)
    with path.open("w") as file:
        while file.tell() < 100 * MB:
            turns = [{"role": "user", "content": text(draw)}, {"role": "assistant", "content": text(draw)}]
            file.write(json.dumps({"messages": turns}) + "\n")


def gunicorn_of(server) -> list[psutil.Process]:
    parts = psutil.Process(server.process.pid).children(recursive=True)
    return [part for part in parts if "gunicorn" in " ".join(part.cmdline())]


def largest(process: psutil.Process, field: str) -> int:
    """`VmHWM` (the most it has ever held) or `VmRSS` (now), in bytes."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("text", "embedded"), [(varied, False), (repetitive, True)])
def test_a_full_flow_with_100_mb_grows_the_server_by_at_most_30_mb(server, tmp_path, text, embedded):
    large_file = tmp_path / "large.jsonl"
    write_file(large_file, text)
    processes = gunicorn_of(server)
    assert len(processes) == 2
    for path in ("/", "/docs", "/openapi.json", "/health"):
        assert server.get(path).status_code == 200
    idle = {process.pid: largest(process, "VmRSS") for process in processes}

    with large_file.open("rb") as file:
        uploaded = server.post("/upload", files={"file": ("large.jsonl", file)})
    session_id = uploaded.json()["session_id"]
    deadline = time.monotonic() + 200
    while (answer := server.get(f"/analyze/{session_id}")).status_code == 202:
        assert time.monotonic() < deadline
    report = answer.json()
    assert report["total_examples"] > 25_000
    last = report["total_examples"] // 100
    assert server.get(f"/preview/{session_id}?page={last}&page_size=100").json()["examples"]
    assert server.get(f"/preview/{session_id}/distribution").status_code == 200
    repeats = server.get(f"/preview/{session_id}/duplicates").json()["count"] > 0
    assert repeats == (text is repetitive)
    purpose = {"session_id": session_id, "task_type": "conversation", "deployment_target": "desktop"}
    assert server.post("/recommend", json=purpose).status_code == 200
    wanted = {"session_id": session_id, "model_id": "qwen3-4b", "delivery": {"encrypt": not embedded}}
    made = server.post("/generate", json=wanted).json()
    notebook = server.get(made["download_url"]).content
    if embedded:
        assert len(notebook) > 5 * MB
    else:
        assert len(notebook) < MB
        assert len(server.get(made["delivery"]["data_url"]).content) == made["delivery"]["size"] > 40 * MB
    assert server.get(f"/datasets/{session_id}").status_code == 200

    for process in processes:
        assert largest(process, "VmHWM") - idle[process.pid] < 30 * MB
