"""The main job over HTTP: a chat dataset in, a notebook that has been run out.

Starts the app on a free port with a store of its own, and talks to it as any program would. `make demo` runs it.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from webapp.datasets import sample_path

OUTPUT = Path("tunebook-demo")


@contextmanager
def running_app() -> Iterator[str]:
    """A `tunebook serve` of its own; gives its address."""
    with tempfile.TemporaryDirectory() as home, (OUTPUT / "app.log").open("w") as log:
        command = [str(Path(sys.executable).with_name("tunebook")), "serve", "--port", "0"]
        app = subprocess.Popen(
            command, env={"TUNEBOOK_HOME": home, "PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            line = next((line for line in app.stdout if "ready at" in line), None)
            if line is None:
                sys.exit(f"the app did not start: see {log.name}")
            yield line.split()[-1]
        finally:
            app.terminate()
            app.wait()


def wait_for(url: str, show: Any = None) -> dict[str, Any]:
    """Asks `url` until its work has ended, as often as its Retry-After says."""
    while True:
        answer = requests.get(url, timeout=30)
        answer.raise_for_status()
        body = answer.json()
        if answer.status_code == 200 and body.get("status") not in ("created", "queued", "running"):
            return body
        if show:
            show(body)
        time.sleep(float(answer.headers.get("Retry-After", 0.5)))


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer to a JSON request; stops with the error's own sentence."""
    answer = requests.post(url, json=body, timeout=60)
    if not answer.ok:
        sys.exit(answer.json()["error"]["message"])
    return answer.json()


def one_line(text: str) -> str:
    """Text shortened to a line of the terminal."""
    return " ".join(text.split())[:160]


def main() -> None:
    """Upload, analyse, recommend, generate, dry run; prints what a person would want to see."""
    started = time.monotonic()
    OUTPUT.mkdir(exist_ok=True)
    with running_app() as app:
        print(f"app          {app}")
        with sample_path().open("rb") as file:
            session = requests.post(f"{app}/upload", files={"file": (sample_path().name, file)}, timeout=60).json()
        print(f"upload       {session['filename']}, {session['size']:,} bytes")

        report = wait_for(f"{app}/analyze/{session['session_id']}")
        tokens = report["tokens"]
        print(f"analysis     {report['total_examples']} examples, {report['invalid_lines']['count']} invalid lines")
        print(f"quality      {report['quality_score']:.2f} of 1")
        each = tokens["per_example"]
        print(f"tokens       {tokens['total']:,} ({tokens['tokenizer']}), p50 {each['p50']}, p99 {each['p99']}")

        chosen = post(
            f"{app}/recommend",
            {"session_id": session["session_id"], "task_type": "conversation", "deployment_target": "desktop"},
        )["recommendations"][0]
        print(f"model        {chosen['model_name']}, score {chosen['score']:.2f}, because:")
        for reason in chosen["reasons"]:
            print(f"             - {reason}")

        made = post(
            f"{app}/generate",
            {"session_id": session["session_id"], "model_id": chosen["model_id"], "dry_run": True},
        )
        print("dry run      a miniature of the model is trained on your rows, on the CPU ...", flush=True)
        job = wait_for(f"{app}{made['dry_run']['status_url']}")
        if job["status"] != "completed":
            sys.exit(f"the dry run {job['status']}: {job['error']['message']}")
        result = job["result"]
        cells, seconds = result["cells"]["executed"], result["seconds"]
        print(f"             all {cells} cells in {seconds:.0f} s, {result['steps']} training steps")
        print(f"loss         {result['loss']['eval_before']:.2f} before, {result['loss']['eval_after']:.2f} after")
        print("             (of the miniature: it proves that the notebook runs, and says nothing of the real model)")
        sample = max(result["samples"], key=lambda item: item["before"] != item["after"])
        for name in ("prompt", "before", "after", "reference"):
            print(f"{name:<12} {one_line(sample[name])}")

        download = requests.get(f"{app}{made['download_url']}", timeout=60)
        path = OUTPUT / Path(made["download_url"]).name
        path.write_bytes(download.content)
        print(f"notebook     {path.absolute()}")
    print(f"done         in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
