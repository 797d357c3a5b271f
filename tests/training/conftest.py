"""Small conversations, and miniatures built once per test process."""

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from webapp.catalog import BaseModel, models
from webapp.training.configuration import RunConfig
from webapp.training.families import families
from webapp.training.miniature import make_miniature

WORDS = [
    "the",
    "bike",
    "station",
    "lock",
    "return",
    "hire",
    "please",
    "battery",
    "is",
    "at",
    "quay",
    "harbour",
    "north",
    "deposit",
    "refund",
]

# One catalogue entry for every distinct pair of model class and chat format.
DISTINCT = tuple({(model.shape.class_name, model.template_family): model for model in models()}.values())


def conversation(number: int) -> dict[str, Any]:
    draw = random.Random(number)
    question = " ".join(draw.choices(WORDS, k=draw.randint(4, 12)))
    answer = f"You asked about {question.split()[0]}. 1. Press the {draw.choice(WORDS)}. Fair winds"
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    if number % 3:
        turns.insert(0, {"role": "system", "content": "You are the help desk."})
    if number % 4 == 0:
        turns += [{"role": "user", "content": "thanks"}, {"role": "assistant", "content": "Fair winds"}]
    return {"messages": turns}


TOOL_CONVERSATION: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": 'Is bike <7> free & "sound"? é'},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "bike_status", "arguments": '{"bike": 7}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "free"},
        {"role": "assistant", "content": "Yes. Fair winds"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "bike_status",
                "description": "Says <b>whether</b> it's free — é",
                "parameters": {"type": "object", "properties": {"bike": {"type": "integer"}}},
            },
        }
    ],
}


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def conversations() -> list[dict[str, Any]]:
    return [conversation(number) for number in range(60)]


@pytest.fixture(scope="session")
def tool_conversation() -> dict[str, Any]:
    return TOOL_CONVERSATION


@pytest.fixture(params=DISTINCT, ids=lambda model: model.id)
def distinct_model(request: pytest.FixtureRequest) -> BaseModel:
    """Each distinct pair of model class and chat format in the catalogue, once."""
    return request.param


@pytest.fixture(scope="session")
def llama() -> BaseModel:
    return next(model for model in DISTINCT if model.shape.class_name == "LlamaForCausalLM")


@pytest.fixture(scope="session")
def miniature_of(
    tmp_path_factory: pytest.TempPathFactory, conversations: list[dict[str, Any]]
) -> Callable[[BaseModel], Path]:
    @cache
    def build(model_id: str) -> Path:
        model = next(entry for entry in models() if entry.id == model_id)
        folder = tmp_path_factory.mktemp(model_id)
        family = families()[model.template_family]
        make_miniature(folder, model.shape.model_type, model.shape.config_values(), family, conversations, 256)
        return folder

    return lambda model: build(model.id)


@pytest.fixture
def run_config() -> Callable[..., RunConfig]:
    def make(base_model: Path, **changes: Any) -> RunConfig:
        values = {
            "base_model": str(base_model),
            "method": "lora",
            "master_weights": "auto",
            "lora_rank": 4,
            "lora_alpha": 8,
            "lora_dropout": 0.0,
            "learning_rate": 1e-2,
            "lr_scheduler": "cosine",
            "warmup_ratio": 0.1,
            "weight_decay": 0.0,
            "max_grad_norm": 1.0,
            "num_epochs": 2,
            "batch_size": 4,
            "gradient_accumulation": 2,
            "max_seq_length": 256,
            "train_turns": "separate",
            "gradient_checkpointing": False,
            "packing": False,
            "eval_fraction": 0.1,
            "seed": 42,
            "max_steps": 0,
            "eval_steps": 0,
            "early_stopping_patience": 0,
            "checkpoint_minutes": 5.0,
            "sample_answers": 2,
            "metric_answers": 4,
            "max_new_tokens": 16,
            "export_merged": False,
            "export_gguf": False,
            "push_to_hub": "",
            "output_dir": "out",
            "keep_on_drive": False,
        }
        return RunConfig(**(values | changes))

    return make
