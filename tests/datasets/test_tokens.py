"""Token counts without a network."""

import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import tiktoken
from tiktoken_ext import openai_public

from webapp.datasets import tokens
from webapp.datasets.tokens import O200kTokenizer
from webapp.errors import Problem


@pytest.fixture(scope="module")
def tokenizer() -> O200kTokenizer:
    return O200kTokenizer()


def test_known_counts(tokenizer: O200kTokenizer) -> None:
    # Counted with tiktoken.get_encoding("o200k_base").encode_ordinary of tiktoken 0.14.0.
    texts = ["hello world", "", "tiktoken is great!", "お誕生日おめでとう", "don't  stop\n\n", "<|endoftext|>"]
    assert tokenizer.count(texts) == [2, 0, 6, 8, 4, 7]


def test_the_pattern_is_tiktokens_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_public, "load_tiktoken_bpe", lambda *_, **__: {})
    assert openai_public.o200k_base()["pat_str"] == tokens.PATTERN


def test_all_ranks_are_there(tokenizer: O200kTokenizer) -> None:
    assert tokens._encoding().max_token_value == 199_997


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
def test_a_text_of_a_million_characters_without_a_break_is_counted(tokenizer: O200kTokenizer, text: str) -> None:
    started = time.monotonic()
    (count,) = tokenizer.count([text])
    assert 0 < count <= len(text.encode())
    assert time.monotonic() - started < 10


def test_cutting_a_long_text_hardly_changes_its_count(tokenizer: O200kTokenizer) -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 10_000
    exact = len(tokens._encoding().encode_ordinary(text))
    assert abs(tokenizer.count([text])[0] - exact) <= 2 * (len(text) // 50_000)


class PanicException(BaseException):
    """Named as PyO3 names a panic of Rust code."""


class Failing:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def encode_ordinary(self, _: str) -> Sequence[int]:
        raise self.error


def test_a_panic_counts_the_bytes_instead(tokenizer: O200kTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "_encoding", Failing(PanicException("StackOverflow")))
    assert tokenizer.count(["é!"]) == [3]


def test_an_interrupt_is_not_a_panic(tokenizer: O200kTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "_encoding", Failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        tokenizer.count(["a"])


def test_a_missing_rank_file_is_a_problem_of_the_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "resource", lambda _: tmp_path)
    with pytest.raises(Problem) as caught:
        tokens._encoding.__wrapped__()
    assert (caught.value.code, caught.value.exit_code) == ("installation_incomplete", 3)
    assert "install it again" in caught.value.message


def test_nothing_is_ever_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> bytes:
        raise AssertionError("a download was tried")

    monkeypatch.setattr("tiktoken.load.read_file", refuse)
    assert isinstance(tokens._encoding.__wrapped__(), tiktoken.Encoding)
