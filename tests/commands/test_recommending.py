"""`tunebook recommend` where a model's own tokenizer is in the hub cache."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.datasets.made_tokenizers import save, words
from tests.hub.test_tokenizers import cache
from webapp.catalog import find_model
from webapp.cli import main
from webapp.datasets import sample_path

OWN = find_model("qwen3-0.6b")


@pytest.fixture
def recommended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Recommends models for the bundled sample, with this hub cache."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TUNEBOOK_HOME", str(tmp_path / "home"))

    def run() -> dict[str, Any]:
        options = ("--task", "conversation", "--target", "desktop", "--json")
        done = CliRunner().invoke(main, ["recommend", str(sample_path()), *options])
        assert done.exit_code == 0, done.output
        return {item["model_id"]: item for item in json.loads(done.stdout)["recommendations"]}

    return run


def test_a_models_own_tokenizer_is_counted_with_where_it_is_at_hand(recommended: Any, tmp_path: Path) -> None:
    said = "tokens a word of your data"
    assert not any(said in reason for item in recommended().values() for reason in item["reasons"])
    folder = save(words(), tmp_path / "words")
    cache(tmp_path / "cache", (folder / "tokenizer.json").read_bytes(), OWN)
    found = recommended()
    assert [name for name, item in found.items() if any(said in reason for reason in item["reasons"])] == [OWN.id]


def test_fewer_tokens_a_word_are_a_better_fit(recommended: Any, tmp_path: Path) -> None:
    better, worse = save(words(), tmp_path / "words"), tmp_path / "bytes"
    worse.mkdir()
    document = json.loads((better / "tokenizer.json").read_text())
    document["pre_tokenizer"] = {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": False}
    (worse / "tokenizer.json").write_text(json.dumps(document))
    other = find_model("smollm2-360m")
    for folder, model in ((better, OWN), (worse, other)):
        cache(tmp_path / "cache", (folder / "tokenizer.json").read_bytes(), model)
    found = recommended()
    assert found[OWN.id]["terms"]["tokenizer"] == 1
    assert found[other.id]["terms"]["tokenizer"] < 0.5
