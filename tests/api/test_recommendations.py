"""`POST /recommend`."""

import json
import uuid

import pytest

from webapp import catalog
from webapp.datasets import analyze, sample_path


def ask(client, dataset, **changes):
    body = {"session_id": dataset, "task_type": "conversation", "deployment_target": "desktop", **changes}
    return client.post("/recommend", json=body)


def test_the_answer_is_that_of_the_catalogue(client, sample):
    answer = ask(client, sample)
    assert answer.status_code == 200
    expected = catalog.recommend(analyze(sample_path()), "conversation", "desktop").to_dict()
    assert answer.json == json.loads(json.dumps(expected)) | {"gate": answer.json["gate"]}


def test_only_the_languages_that_are_named_count(client, sample):
    def languages(answer):
        return {item["model_id"]: item["terms"]["languages"] for item in answer.json["recommendations"]}

    some, every = languages(ask(client, sample, languages=["en"])), languages(ask(client, sample))
    assert all(some[model] >= every[model] for model in every)
    assert ask(client, sample, languages=["English"]).status_code == 400


def test_the_answer_has_the_fields_of_the_reference(client, sample):
    best = ask(client, sample).json["recommendations"][0]
    assert {"model_id", "model_name", "size", "score", "reasons", "is_gated"} <= set(best)
    assert 0 <= best["score"] <= 1
    assert best["reasons"]


def test_the_gate_says_whether_to_fine_tune_at_all(client, sample):
    gate = ask(client, sample).json["gate"]
    assert (gate["verdict"], gate["rows"]) == ("worth_trying", 300)
    assert f"{gate['baseline']['score']:.2f}" in gate["message"]


def test_before_the_gate_is_measured_it_is_null(client, analysed, services):
    dataset = analysed(
        b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n' * 20
    )
    services.blobs.delete(f"datasets/{dataset}/examples/gate.json")
    answer = ask(client, dataset)
    assert (answer.status_code, answer.json["gate"]) == (200, None)


def test_an_alias_and_a_gpu_are_understood(client, sample):
    answer = ask(client, sample, task_type="qa", gpu="rtx-4090").json
    assert answer["task_type"] == "question_answering"
    assert answer["gpu"] == "rtx-4090"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"task_type": "juggling"}, "task_type"),
        ({"task_type": 5}, "task_type"),
        ({"deployment_target": "moon"}, "deployment_target"),
        ({"deployment_target": None}, "deployment_target"),
        ({"gpu": "gtx-42"}, "gpu"),
        ({"method": "magic"}, "method"),
        ({"session_id": 7}, "session_id"),
        ({"epochs": True}, "epochs"),
    ],
)
def test_a_wrong_field_is_named(client, sample, changes, param):
    answer = ask(client, sample, **changes)
    assert answer.status_code == 400
    assert answer.json["error"]["param"] == param


def test_a_missing_field_is_named(client, sample):
    answer = client.post("/recommend", json={"session_id": sample, "task_type": "qa"})
    assert answer.status_code == 400
    assert answer.json["error"]["param"] == "deployment_target"


def test_an_unknown_dataset_is_404(client):
    answer = ask(client, str(uuid.uuid4()))
    assert answer.status_code == 404
    assert answer.json["error"]["code"] == "dataset_not_found"


def test_before_the_analysis_is_done_it_is_409(client, send):
    answer = ask(client, send(b"x").json["session_id"])
    assert answer.status_code == 409
    assert answer.headers["Retry-After"] == "1"
