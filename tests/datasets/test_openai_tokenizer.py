"""Tokens of OpenAI's encodings, fast and by the reference, without a network."""

import json
import pickle
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from tiktoken_ext import openai_public

from webapp.datasets import openai_tokenizer, sample_path
from webapp.datasets.openai_tokenizer import ENCODINGS, OpenAITokenizer, TiktokenTokenizer
from webapp.datasets.tokens import TokenBatch, Tokenizer
from webapp.errors import Problem


@pytest.fixture(scope="module", params=list(ENCODINGS))
def tokenizer(request: pytest.FixtureRequest) -> OpenAITokenizer:
    return OpenAITokenizer(request.param)


def counts(tokenizer: Tokenizer, *texts: str) -> list[int]:
    return [int(count) for count in tokenizer.encode(texts).counts]


def ids(batch: TokenBatch) -> list[list[int]]:
    return [batch.text(index).tolist() for index in range(len(batch.counts))]


# Counted with tiktoken.get_encoding(name).encode_ordinary of tiktoken 0.14.0.
KNOWN = {"o200k_base": [2, 0, 6, 8, 4, 7], "cl100k_base": [2, 0, 6, 9, 5, 7]}


def test_known_counts(tokenizer: OpenAITokenizer) -> None:
    texts = ["hello world", "", "tiktoken is great!", "お誕生日おめでとう", "don't  stop\n\n", "<|endoftext|>"]
    assert counts(tokenizer, *texts) == counts(tokenizer.reference, *texts) == KNOWN[tokenizer.name]


def test_the_pattern_is_tiktokens_own(tokenizer: OpenAITokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_public, "load_tiktoken_bpe", lambda *_, **__: {})
    assert getattr(openai_public, tokenizer.name)()["pat_str"] == ENCODINGS[tokenizer.name].pattern


@pytest.mark.parametrize(("name", "largest"), [("o200k_base", 199_997), ("cl100k_base", 100_255)])
def test_all_ranks_are_there(name: str, largest: int) -> None:
    assert openai_tokenizer._tiktoken(name).max_token_value == largest


def test_another_process_gets_the_name_and_loads_by_itself(tokenizer: OpenAITokenizer) -> None:
    sent = pickle.dumps(tokenizer)
    assert len(sent) < 200
    assert counts(pickle.loads(sent), "hello world") == [2]  # noqa: S301


@pytest.mark.parametrize(
    "text",
    [
        " " * 1_000_000,
        "a" * 1_000_000,
        "\n" * 1_000_000,
        "漢" * 1_000_000,
        "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=1_000_000)),
    ],
    ids=["spaces", "one letter", "newlines", "one character", "random letters"],
)
@pytest.mark.parametrize("which", [OpenAITokenizer, TiktokenTokenizer])
@pytest.mark.parametrize("name", list(ENCODINGS))
def test_a_text_of_a_million_characters_without_a_break_is_counted(
    which: Callable[[str], Tokenizer], name: str, text: str
) -> None:
    tokenizer = which(name)
    started = time.monotonic()
    (count,) = counts(tokenizer, text)
    assert 0 < count <= len(text.encode())
    assert time.monotonic() - started < 10


def test_the_sample_has_the_tokens_of_tiktoken(tokenizer: OpenAITokenizer) -> None:
    said = [text for line in sample_path().read_bytes().splitlines() for text in strings(json.loads(line))]
    assert len(said) > 1000
    assert ids(tokenizer.encode(said)) == ids(tokenizer.reference.encode(said))


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inner for text in strings(item)]


# gigatoken knows a newer Unicode table than tiktoken: code points that were unassigned are left to the spot check.
known = st.characters(exclude_categories=["Cn", "Co", "Cs"], max_codepoint=0xFFFF)
words = st.sampled_from(
    ["don't", " stop", "\r\n", "  ", "123456", "<|endoftext|>", "Straße", "漢字", "\u200d👍🏽", "/**/"]
)


@settings(max_examples=300)
@given(
    st.sampled_from(list(ENCODINGS)), st.lists(st.lists(st.text(known) | words, max_size=6).map("".join), max_size=6)
)
def test_any_texts_have_the_tokens_of_tiktoken(name: str, texts: list[str]) -> None:
    assert ids(OpenAITokenizer(name).encode(texts)) == ids(TiktokenTokenizer(name).encode(texts))


def test_the_reference_is_hardly_changed_by_cutting_a_long_text(tokenizer: OpenAITokenizer) -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 10_000
    exact = len(openai_tokenizer._tiktoken(tokenizer.name).encode_ordinary(text))
    assert abs(counts(tokenizer.reference, text)[0] - exact) <= 2 * (len(text) // 50_000)
    assert counts(tokenizer, text) == [exact]


def test_half_a_character_goes_to_the_reference_and_its_neighbours_do_not(tokenizer: OpenAITokenizer) -> None:
    found = ids(tokenizer.encode(["hello world", "\ud800", "", "don't"]))
    assert [len(tokens) for tokens in found] == [2, *counts(tokenizer.reference, "\ud800", "", "don't")]
    assert found[0] == ids(tokenizer.encode(["hello world"]))[0]


class PanicException(BaseException):
    """Named as PyO3 names a panic of Rust code."""


class Failing:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def encode_ordinary(self, _: str) -> Sequence[int]:
        raise self.error

    def encode_batch(self, *_: object, **__: object) -> Any:
        raise self.error


def test_a_panic_of_the_fast_one_is_survived(tokenizer: OpenAITokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_tokenizer, "_gigatoken", lambda _: Failing(PanicException("index out of bounds")))
    assert counts(tokenizer, "hello world", "a") == [2, 1]


def test_a_panic_of_both_counts_the_bytes(tokenizer: OpenAITokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_tokenizer, "_gigatoken", lambda _: Failing(PanicException("index out of bounds")))
    monkeypatch.setattr(openai_tokenizer, "_tiktoken", lambda _: Failing(PanicException("StackOverflow")))
    assert counts(tokenizer, "é!") == [3]


def test_an_interrupt_is_not_a_panic(tokenizer: OpenAITokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_tokenizer, "_tiktoken", lambda _: Failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        tokenizer.reference.encode(["a"])
    monkeypatch.setattr(openai_tokenizer, "_gigatoken", lambda _: Failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        tokenizer.encode(["a"])


def test_a_missing_rank_file_is_a_problem_of_the_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_tokenizer, "resource", lambda _: tmp_path)
    with pytest.raises(Problem) as caught:
        OpenAITokenizer()
    assert (caught.value.code, caught.value.exit_code) == ("installation_incomplete", 3)
    assert "install it again" in caught.value.message


def test_nothing_is_ever_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> bytes:
        raise AssertionError("a download was tried")

    monkeypatch.setattr("tiktoken.load.read_file", refuse)
    assert isinstance(openai_tokenizer._tiktoken.__wrapped__("cl100k_base"), tiktoken.Encoding)
