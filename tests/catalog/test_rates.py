"""Tokens per word, by tokenizers trained on the bundled sample."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.datasets.made_tokenizers import gpt2, save, words
from webapp.catalog import TokenRates, rates, token_rates
from webapp.datasets import Examples, ExampleWriter, OpenAITokenizer, TokenBatch, analyze, sample_path

COUNTER = OpenAITokenizer()


class Characters:
    """A tokenizer with a token for each character, which remembers what it was given."""

    name, owner, reference = "characters", None, None

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        self.seen += texts
        return TokenBatch.of([list(map(ord, text)) for text in texts])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tokenizers")


@pytest.fixture(scope="module")
def whole_words(folder: Path) -> Path:
    """A tokenizer.json with a token for each word and each run of punctuation."""
    return save(words(), folder / "words") / "tokenizer.json"


@pytest.fixture(scope="module")
def pieces(folder: Path) -> Path:
    """One with 2,000 pieces of words."""
    return save(gpt2(), folder / "pieces") / "tokenizer.json"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """The bundled sample."""
    made = tmp_path_factory.mktemp("examples")
    with ExampleWriter(made) as sink:
        analyze(sample_path(), sink=sink)
    return Examples(made)


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., Examples]:
    """Examples with these questions and one answer."""

    def make(*questions: str, answer: str = "yes") -> Examples:
        lines = [
            json.dumps({"messages": [{"role": role, "content": text} for role, text in turns]}).encode() + b"\n"
            for question in questions
            for turns in [(("user", question), ("assistant", answer))]
        ]
        numbers = np.arange(1, len(lines) + 1, dtype=np.uint32)
        with ExampleWriter(tmp_path / "asked") as writer:
            writer.write(b"".join(lines), np.array(list(map(len, lines)), np.uint32), numbers, numbers)
        return Examples(tmp_path / "asked")

    return make


def test_each_tokenizer_is_counted_over_the_same_words(sample: Examples, whole_words: Path, pieces: Path) -> None:
    found = token_rates(sample, COUNTER, {whole_words: ["a", "b"], pieces: ["c"]})
    assert found is not None
    assert set(found.models) == {"a", "b", "c"}
    assert found.models["a"] == found.models["b"]
    # English with its punctuation: somewhat over a token a word, and more where words are cut.
    assert 1 < found.models["a"] < found.counted < found.models["c"] < 2


def test_without_another_tokenizer_nothing_is_counted(sample: Examples) -> None:
    counter = Characters()
    assert token_rates(sample, counter, {}) is None
    assert counter.seen == []


def test_a_file_that_is_no_tokenizer_is_as_good_as_not_there(
    sample: Examples, whole_words: Path, tmp_path: Path
) -> None:
    broken, gone = tmp_path / "tokenizer.json", tmp_path / "gone.json"
    broken.write_text("{")
    assert token_rates(sample, COUNTER, {broken: ["a"], gone: ["b"]}) is None
    found = token_rates(sample, COUNTER, {broken: ["a"], whole_words: ["b"], gone: ["c"]})
    assert found is not None
    assert list(found.models) == ["b"]


def test_where_no_words_are_written_apart_a_character_is_one(asked: Callable[..., Examples], whole_words: Path) -> None:
    found = token_rates(asked("自行车在哪里"), Characters(), {whole_words: ["a"]})
    assert found is not None
    assert found.counted == (6 + 3) / (6 + 1)


def test_examples_without_a_word_tell_no_rate(asked: Callable[..., Examples], whole_words: Path) -> None:
    assert token_rates(asked("?!", answer="..."), COUNTER, {whole_words: ["a"]}) is None


def test_only_the_beginning_of_a_long_example_is_counted(asked: Callable[..., Examples], whole_words: Path) -> None:
    counter = Characters()
    token_rates(asked("word " * rates.CHARACTERS, "short"), counter, {whole_words: ["a"]})
    assert sorted(map(len, counter.seen)) == [len("yes"), len("short"), rates.CHARACTERS]


def test_no_other_tokenizer_is_loaded_when_the_time_is_up(
    sample: Examples, whole_words: Path, pieces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([0.0, 0.0, rates.SECONDS + 1])
    monkeypatch.setattr(rates, "process_time", lambda: next(times))
    found = token_rates(sample, COUNTER, {whole_words: ["a"], pieces: ["b"]})
    assert isinstance(found, TokenRates)
    assert list(found.models) == ["a"]
