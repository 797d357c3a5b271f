"""A stand-in for the hub with models in it, and a home and a hub cache of its own for every test."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.test_outbound import Site, answers
from webapp.settings import Settings

COMMIT = "0123456789abcdef0123456789abcdef01234567"
# Qwen3-14B as its configuration describes it: 14,768,307,200 parameters.
QWEN3_14B = {
    "architectures": ["Qwen3ForCausalLM"],
    "attention_bias": False,
    "head_dim": 128,
    "hidden_size": 5120,
    "intermediate_size": 17408,
    "max_position_embeddings": 40960,
    "model_type": "qwen3",
    "num_attention_heads": 40,
    "num_hidden_layers": 40,
    "num_key_value_heads": 8,
    "rope_theta": 1000000,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "vocab_size": 151936,
}
ABOUT = {
    "createdAt": "2025-04-27T03:42:21.000Z",
    "gated": False,
    "private": False,
    "cardData": {"license": "apache-2.0", "language": ["en", "de", "multilingual"]},
    "safetensors": {"parameters": {"BF16": 14768307200}, "total": 14768307200},
}


class Hub(Site):
    """A stand-in that has no model until one is published."""

    def __init__(self) -> None:
        super().__init__()
        self.routes = defaultdict(lambda: answers(404))

    def publish(self, name: str = "Qwen/Qwen3-14B", about: dict[str, Any] = ABOUT, **files: Any) -> None:
        """A model whose files are given by their names, `__` for the dot; `config_json` is Qwen3-14B's by default."""
        self.routes[f"/api/models/{name}"] = answers(200, json.dumps(about).encode())
        for key, content in ({"config__json": QWEN3_14B} | files).items():
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            path = f"/{name}/resolve/main/{key.replace('__', '.')}"
            self.routes[path] = answers(200, body, x_repo_commit=COMMIT)

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [path for path, _ in self.seen]


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    yield made
    made.close()


@pytest.fixture
def settings(tmp_path: Path, hub: Hub) -> Settings:
    """A home and a hub cache of its own, and the stand-in as its hub."""
    return Settings(home=tmp_path / "home", hf_hub_cache=tmp_path / "cache", hf_endpoint=hub.url, hf_token="hf_word")
