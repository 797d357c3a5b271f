"""A prompt is asked of a run's model by the API."""

import pytest

from tests.workflow.test_trying import make_run
from webapp import workflow
from webapp.accounts import LOCAL


@pytest.fixture
def run(services, sample):
    notebook = workflow.generate(services, LOCAL, sample, "smollm2-360m")
    made = make_run(services, notebook)
    yield made
    workflow.put_away(services, LOCAL, made)


def test_a_prompt_is_asked_stopped_and_its_job_cancelled(client, run):
    answer = client.post(f"/jobs/{run}/prompts", json={"text": "Where?", "max_new_tokens": 9})
    assert answer.status_code == 202
    number, chat = answer.json["prompt"], answer.json["job_id"]
    assert client.get(answer.json["status_url"]).json["kind"] == "chat"
    assert client.post(f"/jobs/{run}/prompts/{number}/stop").status_code == 204
    events = [event for event in client.get(f"/jobs/{chat}/events").json if event["type"] != "status"]
    assert [(event["type"], event["data"]) for event in events] == [
        ("prompt", {"text": "Where?", "system": "", "temperature": 0.0, "max_new_tokens": 9}),
        ("stop", {"prompt": number}),
    ]
    assert events[0]["seq"] == number
    assert client.post(f"/jobs/{chat}/cancel").json["status"] == "cancelled"
    assert chat not in [job["id"] for job in client.get("/jobs").json]


@pytest.mark.parametrize("change", [{"text": ""}, {"text": "x" * 8001}, {"temperature": 3}, {"max_new_tokens": 1.5}])
def test_what_cannot_be_asked_is_refused(client, run, change):
    answer = client.post(f"/jobs/{run}/prompts", json={"text": "Where?"} | change)
    assert answer.status_code == 400
    assert answer.json["error"]["param"] == next(iter(change))
