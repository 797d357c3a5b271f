"""How a submission is ended, by a client that stands in for Ray's."""

import sys
from types import SimpleNamespace

import pytest

from webapp.errors import Problem
from webapp.jobs.executors import ray


class Client:
    """As JobSubmissionClient: {name: status}; what is `stubborn` stays whatever is asked."""

    def __init__(self):
        self.known, self.stubborn = {}, False

    def get_job_status(self, name):
        if name not in self.known:
            raise RuntimeError(f"Job {name} does not exist.")
        return SimpleNamespace(value=self.known[name])

    def stop_job(self, name):
        self.known[name] = "STOPPED"

    def delete_job(self, name):
        if not self.stubborn:
            del self.known[name]


@pytest.fixture
def client(monkeypatch):
    made = Client()
    monkeypatch.setitem(sys.modules, "ray.job_submission", SimpleNamespace(JobSubmissionClient=lambda _: made))
    for name, seconds in (("_STOP_SECONDS", 0.05), ("_POLL_SECONDS", 0.01), ("_SETTLED_SECONDS", 0.01)):
        monkeypatch.setattr(ray, name, seconds)
    return made


def test_what_is_ended_is_stopped_and_forgotten_and_what_is_not_there_is_said(client):
    client.known["a"] = "RUNNING"
    jobs = ray.RayJobs("http://head:8265")
    assert jobs.end("a")
    assert client.known == {}
    assert not jobs.end("a")


def test_a_cluster_that_does_not_forget_is_not_waited_for_without_end(client):
    client.known["a"], client.stubborn = "RUNNING", True
    with pytest.raises(Problem, match="does not forget a"):
        ray.RayJobs("http://head:8265").end("a")
    assert client.known == {"a": "STOPPED"}
