"""What becomes of a submission when whoever follows it ends; the cluster is a stand-in without Ray."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.notebooks.trivial import write_trivial
from webapp.errors import Problem
from webapp.jobs import Remote
from webapp.jobs.executors import parcel, ray
from webapp.notebooks import cluster
from webapp.notebooks.cluster import Cluster
from webapp.notebooks.results import RESULTS
from webapp.notebooks.running import RunReport, Watch
from webapp.settings import Settings


class Jobs:
    """As RayJobs, of one cluster: what is known there, in which state, and what was packed with it."""

    def __init__(self):
        self.known, self.packed = {}, {}
        self.said = []

    def __call__(self, _address):
        return self

    def submit(self, name, _entrypoint, folder, **_):
        self.known[name] = "RUNNING"
        self.packed = {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }

    def status(self, name):
        return self.known.get(name)

    def lines(self, _name, stopped):
        yield from self.said
        while not stopped():
            pass

    def end(self, name):
        return self.known.pop(name, None) is not None

    def fetch(self, _name, file, target):
        shutil.copyfile(self.folder / file, target)

    def leave(self, folder, most, **files):
        """As the node: what it prints once its files lie there for whoever fetches them."""
        self.folder = folder
        for name, size in files.items():
            path = folder / "there" / RESULTS / name / "file"
            path.parent.mkdir(parents=True)
            path.write_bytes(bytes(size))
        packed = parcel.pack(str(folder / "there"), str(folder / "tunebook-1"), most)
        names = [f"{RESULTS}/{name}/file" for name in files]
        report = RunReport("completed", 1.0, {"total": 1, "executed": 1}, artifacts=names).to_dict()
        self.said = [f"TUNEBOOK {json.dumps({'report': {'report': report, 'parcel': packed}})}"]


class Bench:
    """A folder, the stand-in, and what a run tells."""

    def __init__(self, folder, jobs):
        self.folder, self.work, self.jobs = folder, folder / "work", jobs
        self.events, self.noted = [], []

    def run(self, *, cancelled=lambda: True, goes_on=lambda: False, name="tunebook-1", earlier=None):
        notebook = write_trivial(self.folder / "n.ipynb", "1")
        remote = Remote(name, earlier, self.noted.append)
        watch = Watch(60, self.events.append, cancelled, remote, goes_on)
        return Cluster(Settings(home=self.folder)).run(notebook, self.work, watch)

    def told(self):
        return "".join(event.data["text"] for event in self.events if event.type == "stream")


@pytest.fixture
def bench(tmp_path, monkeypatch):
    jobs = Jobs()
    monkeypatch.setattr(cluster, "RayJobs", jobs)
    return Bench(tmp_path, jobs)


def test_what_a_person_cancels_is_stopped(bench):
    assert bench.run().status == "cancelled"
    assert (bench.jobs.known, bench.noted) == ({}, ["tunebook-1", None])


def test_what_only_loses_its_process_goes_on_and_is_followed_by_the_next_attempt(bench):
    bench.run(goes_on=lambda: True)
    assert (bench.jobs.known, bench.noted) == ({"tunebook-1": "RUNNING"}, ["tunebook-1"])
    bench.run(name="tunebook-2", earlier="tunebook-1")
    assert (bench.jobs.known, bench.noted) == ({}, ["tunebook-1", None])


def test_a_run_that_has_ended_is_forgotten(bench):
    problem = Problem("not_a_tunebook", "It is none.").to_dict()
    bench.jobs.said = [f"TUNEBOOK {json.dumps({'problem': problem})}"]
    with pytest.raises(Problem, match="It is none"):
        bench.run(cancelled=lambda: False, goes_on=lambda: True)
    assert (bench.jobs.known, bench.noted) == ({}, ["tunebook-1", None])


def test_a_run_whose_results_do_not_all_come_back_says_which_are_lost(bench, tmp_path):
    bench.jobs.leave(tmp_path, 1000, model=600, merged=500)
    report = bench.run(cancelled=lambda: False)
    assert (report.status, report.error["code"]) == ("failed", "results_too_large")
    assert f"submission: {RESULTS}/merged/file. Make the notebook without" in report.error["message"]
    assert report.artifacts == [f"{RESULTS}/model/file"]
    assert (bench.work / report.artifacts[0]).stat().st_size == 600


def test_checkpoints_that_do_not_come_back_are_no_error(bench, tmp_path):
    bench.jobs.leave(tmp_path, 1000, model=600, checkpoints=500)
    assert bench.run(cancelled=lambda: False).status == "completed"
    assert "left on the cluster for its size" in bench.told()


def test_checkpoints_go_along_as_far_as_there_is_room(bench, monkeypatch):
    for number, size in (
        ("state-2", 40_000),
        ("state-9", 40_000),
        ("best-7", 9_000),
        ("best-12", 9),
    ):
        path = bench.work / RESULTS / "checkpoints" / "a" / f"{number}.pt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
        os.utime(path, (1, 1))
    (path.parent / "run.json").write_text("{}")

    def sent(most):
        monkeypatch.setattr(ray, "MOST_SENT", most)
        bench.run()
        return sorted(Path(name).name for name in bench.jobs.packed if name.startswith("earlier/"))

    everything = ["best-12.pt", "best-7.pt", "run.json", "state-2.pt", "state-9.pt"]
    assert sent(200_000) == everything
    assert sent(60_000) == ["best-7.pt", "run.json", "state-9.pt"]
    assert bench.told() == ""
    assert sent(40_000) == []
    assert "begins anew" in bench.told()
