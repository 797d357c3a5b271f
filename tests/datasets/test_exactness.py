"""What is said of a count: exact by the model's own tokenizer, else an estimate with a number."""

from webapp.datasets import OpenAITokenizer
from webapp.datasets.exactness import EXPECTED_ERROR, expected_error, note
from webapp.datasets.own_tokenizer import HubTokenizer


def owned(owner: str | None) -> HubTokenizer:
    return HubTokenizer(path=None, name="a name", owner=owner)


def test_a_models_own_tokenizer_is_exact() -> None:
    assert expected_error(owned("Qwen/Qwen3-1.7B")) is None
    assert note(owned("Qwen/Qwen3-1.7B")).startswith("Counted with the tokenizer of Qwen/Qwen3-1.7B")


def test_any_other_is_an_estimate_with_its_error() -> None:
    for tokenizer in (owned(None), OpenAITokenizer("cl100k_base")):
        assert expected_error(tokenizer) == EXPECTED_ERROR
        assert note(tokenizer).startswith(f"Estimate: counted with {tokenizer.name}")
        assert "within 22%" in note(tokenizer)
        assert "within 43%" in note(tokenizer)
