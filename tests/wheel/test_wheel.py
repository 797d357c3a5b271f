"""`pip install tunebook`: a wheel built from the tree serves from an empty environment, outside the repository."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from webapp.datasets import ENCODINGS

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT]
    subprocess.run(command, check=True)
    (path,) = folder.glob("*.whl")
    return path


def test_everything_travels_once(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert len(names) == len(set(names))
    for expected in (
        "webapp/_data/notebook_templates/finetune.py.jinja",
        "webapp/_data/static/css/tunebook.css",
        *(f"webapp/_data/encodings/{encoding.rank_file}" for encoding in ENCODINGS.values()),
        "webapp/datasets/samples/harbour_bikes.jsonl",
        "webapp/catalog/models.toml",
        "webapp/pages/templates/",
        "webapp/training/chat_templates/families.toml",
        "webapp/storage/migrations/versions/",
        "licenses/LICENSE",
        "licenses/NOTICE",
    ):
        assert any(expected in name for name in names), expected
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)


def test_it_serves_from_an_empty_environment(wheel, tmp_path):
    environment = tmp_path / "env"
    venv.create(environment, with_pip=True)
    python, tunebook = environment / "bin/python", environment / "bin/tunebook"
    install = [python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel]
    subprocess.run(install, check=True, cwd=tmp_path)
    sample = subprocess.run(
        [python, "-c", "import webapp.datasets as d; print(d.sample_path())"],
        check=True, capture_output=True, text=True, cwd=tmp_path,
    ).stdout.strip()  # fmt: skip
    assert str(environment) in sample
    notebook = tmp_path / "out.ipynb"
    subprocess.run([tunebook, "notebook", sample, "--model", "qwen3-0.6b", "-o", notebook], check=True, cwd=tmp_path)
    assert json.loads(notebook.read_text())["metadata"]["tunebook"]["model_id"] == "qwen3-0.6b"
    refused = subprocess.run([tunebook, "run", notebook, "--dry-run"], capture_output=True, text=True, cwd=tmp_path)
    assert refused.returncode == 3
    assert "pip install 'tunebook[train]'" in refused.stderr
    serve = subprocess.Popen(
        [tunebook, "serve", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path,
        env=os.environ | {"TUNEBOOK_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    with serve:
        try:
            address = next(line for line in serve.stdout if "ready at" in line).split()[-1]
            page = urllib.request.Request(f"{address}/", headers={"Accept": "text/html"})  # noqa: S310
            assert b"<form" in urllib.request.urlopen(page).read()  # noqa: S310
            assert urllib.request.urlopen(f"{address}/static/css/tunebook.css").status == 200  # noqa: S310
            post = urllib.request.Request(f"{address}/samples/harbour-bikes", method="POST")  # noqa: S310
            session = json.load(urllib.request.urlopen(post))["session_id"]  # noqa: S310
            report = json.load(urllib.request.urlopen(f"{address}/analyze/{session}"))  # noqa: S310
            assert report["total_examples"] == 300
        finally:
            serve.send_signal(signal.SIGTERM)
