"""`GET /models` and `GET /estimate`."""

import uuid

import pytest

from webapp import catalog


def ask(client, **query):
    return client.get("/estimate", query_string={"model_id": "qwen3-1.7b"} | query)


def test_all_models_are_listed_in_order(client):
    listed = client.get("/models").json["models"]
    assert [entry["id"] for entry in listed] == [model.id for model in catalog.models()]


def test_a_model_is_answered_as_the_catalogue_has_it(client):
    found, known = client.get("/models/qwen3-4b").json, catalog.find_model("qwen3-4b")
    assert (found["hub_id"], found["parameters"]) == (known.hub_id, known.parameters)
    assert found["shape"]["layers"] == known.shape.layers


def test_an_unknown_model_is_404(client):
    answer = client.get("/models/qwen3-5b")
    assert answer.status_code == 404
    assert answer.json["error"]["code"] == "model_not_found"
    assert "qwen3-4b" in answer.json["error"]["details"]["near"]


def test_the_estimate_is_that_of_the_catalogue(client):
    expected = catalog.estimate(
        catalog.find_model("qwen3-1.7b"),
        catalog.find_gpu("l4"),
        "qlora",
        length=2048,
        batch=4,
        rank=32,
        checkpointing=False,
    )
    answer = ask(client, gpu="l4", method="qlora", length=2048, batch=4, rank=32, checkpointing="false")
    assert answer.json == expected.to_dict()


def test_a_dataset_adds_its_whole_run(client, sample):
    once, twice = (ask(client, session_id=sample, epochs=epochs).json["run"] for epochs in (1, 2))
    assert twice["tokens"] == pytest.approx(2 * once["tokens"], abs=2)
    assert once["minutes"]["low"] < once["minutes"]["mid"] < once["minutes"]["high"]
    assert once["costs"][0]["as_of"]


def test_this_machine_is_one_of_them(client):
    assert ask(client, gpu="this-machine").json["gpu"] == "this-machine"


@pytest.mark.parametrize(
    ("query", "status", "param"),
    [
        ({"model_id": "gpt-9"}, 404, "model_id"),
        ({"gpu": "gtx-42"}, 400, "gpu"),
        ({"method": "magic"}, 400, "method"),
        ({"gpu": "cpu", "method": "qlora"}, 400, "method"),
        ({"length": 8}, 400, "length"),
        ({"model_id": "smollm2-360m", "length": 100_000}, 400, "length"),
        ({"batch": 0}, 400, "batch"),
        ({"session_id": str(uuid.uuid4())}, 404, "session_id"),
    ],
)
def test_what_is_wrong_is_named(client, query, status, param):
    answer = ask(client, **query)
    assert answer.status_code == status
    assert answer.json["error"]["param"] == param


def test_before_the_analysis_is_done_it_is_409(client, send):
    answer = ask(client, session_id=send(b"x").json["session_id"])
    assert answer.status_code == 409
    assert answer.headers["Retry-After"] == "1"


def test_an_estimate_for_a_dataset_without_a_name_is_not_one_for_none(client):
    answer = client.get("/estimate?model_id=smollm2-360m&session_id=")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "dataset_not_found")
