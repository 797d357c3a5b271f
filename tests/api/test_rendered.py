"""`GET /preview/{id}/rendered`: a row as a model reads it."""

import json

import pytest

from webapp.catalog import models
from webapp.training.families import families, family_render
from webapp.training.turns import prompt_completions


def rendered(client, dataset, **query):
    return client.get(f"/preview/{dataset}/rendered", query_string={"model_id": "smollm2-360m", **query})


@pytest.fixture
def with_system(analysed):
    messages = [
        {"role": "system", "content": "Be <b>kind</b>."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Bye"},
    ]
    return analysed(json.dumps({"messages": messages}).encode())


def test_segments_say_whose_they_are_and_what_is_learned(client, with_system):
    answer = rendered(client, with_system)
    assert answer.status_code == 200
    assert answer.json == {
        "model_id": "smollm2-360m",
        "template": "chatml",
        "system_merged": False,
        "segments": [
            {"text": "<|im_start|>system\n", "role": None, "trained": False},
            {"text": "Be <b>kind</b>.<|im_end|>\n", "role": "system", "trained": False},
            {"text": "<|im_start|>user\nHi<|im_end|>\n", "role": "user", "trained": False},
            {"text": "<|im_start|>assistant\n", "role": "assistant", "trained": False},
            {"text": "Hello<|im_end|>\n", "role": "assistant", "trained": True},
        ],
        "messages_left_out": 1,
    }


def test_a_system_prompt_in_the_users_turn_is_said(client, with_system, sample):
    assert rendered(client, with_system, model_id="gemma-3-270m").json["system_merged"] is True
    assert rendered(client, sample, model_id="gemma-3-270m").json["system_merged"] is False  # it has none


@pytest.mark.parametrize("model", models(), ids=lambda model: model.id)
def test_for_every_model_the_trained_text_is_what_a_notebook_trains(client, sample, model):
    for index in (0, 7, 299):
        answer = rendered(client, sample, model_id=model.id, index=index).json
        (example,) = client.get(f"/preview/{sample}?page={index + 1}&page_size=1").json["examples"]
        turns = prompt_completions(example, family_render(families()[model.template_family]))
        trained = [segment["text"] for segment in answer["segments"] if segment["trained"]]
        assert trained == [turn.completion for turn in turns]


def test_a_hub_id_names_a_model_too(client, sample):
    assert rendered(client, sample, model_id="google/gemma-3-270m-it").json["model_id"] == "gemma-3-270m"


@pytest.mark.parametrize(
    ("query", "status", "param"),
    [
        ({"index": 300}, 404, "index"),
        ({"index": -1}, 400, "index"),
        ({"index": "one"}, 400, "index"),
        ({"index": 10**30}, 400, "index"),
        ({"model_id": "gpt-17"}, 404, "model_id"),
        ({"model_id": None}, 400, "model_id"),
    ],
)
def test_what_is_not_there_is_refused_by_name(client, sample, query, status, param):
    answer = rendered(client, sample, **query)
    assert answer.status_code == status
    assert answer.json["error"]["param"] == param


def test_before_the_analysis_is_done_it_is_409(client, send):
    answer = rendered(client, send(b"x").json["session_id"])
    assert answer.status_code == 409
    assert answer.headers["Retry-After"] == "1"


def test_of_a_very_long_conversation_the_beginning_is_shown(client, analysed):
    turns = [{"role": role, "content": "Hm."} for _ in range(5_000) for role in ("user", "assistant")]
    answer = rendered(client, analysed(json.dumps({"messages": turns}).encode())).json
    assert sum(segment["trained"] for segment in answer["segments"]) == 50
    assert answer["messages_left_out"] == 9_900


def test_messages_beyond_the_characters_that_can_be_shown_are_left_out(client, analysed):
    turns = [{"role": role, "content": "x" * 150_000} for _ in range(3) for role in ("user", "assistant")]
    answer = rendered(client, analysed(json.dumps({"messages": turns}).encode())).json
    assert answer["messages_left_out"] == 4


@pytest.mark.parametrize(
    "messages",
    [
        [("user", "x" * 205_000, 1), ("assistant", "Yes", 1)],
        [*[("user", "Hi", 1), ("assistant", "No", 0)] * 60, ("user", "Hi", 1), ("assistant", "Yes", 1)],
    ],
    ids=["a long request", "many answers of weight 0"],
)
def test_an_answer_that_comes_too_late_is_not_shown(client, analysed, messages):
    turns = [
        {"role": role, "content": content} | ({"weight": weight} if role == "assistant" else {})
        for role, content, weight in messages
    ]
    dataset = analysed(json.dumps({"messages": turns}).encode())
    answer = rendered(client, dataset)
    assert answer.status_code == 200
    assert (answer.json["segments"], answer.json["messages_left_out"]) == ([], len(messages))
    page = client.get(f"/datasets/{dataset}/rows?as=smollm2-360m", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "Its first answer comes too late to be shown." in page.text


def test_large_definitions_of_tools_bound_the_messages_shown(client, analysed):
    tool = {"type": "function", "function": {"name": "find", "description": "x" * 600_000, "parameters": {}}}
    turns = [{"role": role, "content": "Hm."} for _ in range(20) for role in ("user", "assistant")]
    dataset = analysed(json.dumps({"messages": turns, "tools": [tool]}).encode())
    assert rendered(client, dataset).json["messages_left_out"] == 38


def test_arguments_of_calls_count_as_characters_shown(client, analysed):
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": json.dumps({"a": "x" * 150_000})}}
    called = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "Done"},
    ]
    turns = [*called * 3, {"role": "assistant", "content": "Yes"}]
    assert rendered(client, analysed(json.dumps({"messages": turns}).encode())).json["messages_left_out"] == 5
