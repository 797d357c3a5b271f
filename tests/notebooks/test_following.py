"""What becomes of a submission when whoever follows it ends; the cluster is a stand-in without Ray."""

import json

import pytest

from tests.notebooks.trivial import write_trivial
from webapp.errors import Problem
from webapp.jobs import Remote
from webapp.notebooks import cluster
from webapp.notebooks.cluster import Cluster
from webapp.notebooks.running import Watch
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
