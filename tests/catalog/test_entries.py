"""The data files are read strictly: every fault names the file and the entry."""

import copy
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest

from webapp.catalog.entries import decode_entries, unknown
from webapp.catalog.gpus import Gpu
from webapp.catalog.models import CatalogueEntry, find_model


@pytest.fixture
def document() -> dict[str, Any]:
    text = files("webapp.catalog").joinpath("models.toml").read_text(encoding="utf-8")
    return copy.deepcopy(tomllib.loads(text))


def decode(document: dict[str, Any]) -> tuple[CatalogueEntry, ...]:
    return decode_entries(document, "models.toml", "model", CatalogueEntry)


def test_the_files_as_they_are_can_be_read(document: dict[str, Any]) -> None:
    assert len(decode(document)) == len(document["model"])


def test_the_entry_that_contributors_are_shown_is_one_of_the_files() -> None:
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (shown,) = decode(tomllib.loads(text.partition("```toml")[2].partition("```")[0]))
    assert msgspec.structs.asdict(shown) == msgspec.structs.asdict(find_model(shown.id))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("context_lenght", 8192, "unknown field `context_lenght`"),
        ("parameters", 0, ">= 1"),
        ("parameters", "4B", "Expected `int`"),
        ("parameters", 1000, "do not even cover the embedding"),
        ("gated", "no", "Expected `bool`"),
        ("gated", True, "ungated_alternative"),
        ("template_family", "vicuna", "Invalid enum value"),
        ("tasks", ["poetry"], "Invalid enum value"),
        ("tasks", [], "length >= 1"),
        ("languages", ["English"], "regex"),
        ("id", "Qwen 3", "regex"),
        ("hub_id", "qwen3", "regex"),
        ("license_url", "http://example.org", "regex"),
        ("size", "4 billion", "regex"),
        ("checked", "yes", "Invalid enum value"),
        ("last_reviewed", "last week", "Invalid RFC3339"),
    ],
)
def test_a_bad_value_names_the_model_and_the_fault(
    document: dict[str, Any], field: str, value: object, said: str
) -> None:
    document["model"][0][field] = value
    name = value if field == "id" else "qwen3-4b"
    with pytest.raises(ValueError, match=rf"models\.toml: {name}: ") as caught:
        decode(document)
    assert said in str(caught.value)


@pytest.mark.parametrize(("field", "value"), [("layers", 0), ("kv_heads", 5), ("tied", 1), ("dropout", 0.1)])
def test_a_bad_shape_names_the_model(document: dict[str, Any], field: str, value: object) -> None:
    document["model"][0]["shape"][field] = value
    with pytest.raises(ValueError, match=r"qwen3-4b: .*shape"):
        decode(document)


def test_a_missing_field_is_a_fault(document: dict[str, Any]) -> None:
    del document["model"][2]["shape"]["head_dim"]
    with pytest.raises(ValueError, match=r"smollm3-3b: .*head_dim"):
        decode(document)


def test_an_id_may_not_be_used_twice(document: dict[str, Any]) -> None:
    document["model"].append(document["model"][0])
    with pytest.raises(ValueError, match="used twice: qwen3-4b"):
        decode(document)


def test_other_tables_are_refused() -> None:
    with pytest.raises(ValueError, match=r"only \[\[gpu\]\] tables"):
        decode_entries({"gpus": []}, "gpus.toml", "gpu", Gpu)


def test_an_unknown_name_is_answered_with_near_ones_or_with_all() -> None:
    near = unknown("gpu", "t5", ["t4", "cpu"], param="gpu")
    assert (near.code, near.param, near.details["near"]) == ("unknown_gpu", "gpu", ["t4"])
    assert "did you mean t4?" in near.message
    assert "choose from t4, cpu" in unknown("gpu", "zzz", ["t4", "cpu"], param="gpu").message


def test_an_endless_name_is_not_repeated() -> None:
    assert len(unknown("gpu", "x" * 10_000, ["t4"], param="gpu").message) < 200
