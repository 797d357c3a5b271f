"""A model's own tokenizer.json: the same tokens by gigatoken and by Hugging Face's library, whatever the file holds."""

import json
import pickle
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as HubFile

from tests.datasets.made_tokenizers import KNOWN, gpt2, llama3, qwen, save, texts, words
from webapp.datasets import OwnTokenizer, analyze, open_tokenizer, own_tokenizer, sample_path
from webapp.datasets.tokens import TokenBatch
from webapp.errors import Problem

BOMB = {"type": "Split", "pattern": {"Regex": "(a|a)*$"}, "behavior": "Isolated", "invert": False}


@pytest.fixture(scope="module", params=KNOWN, ids=lambda made: made.__name__)
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OwnTokenizer:
    """A tokenizer of a kind that gigatoken knows."""
    return open_tokenizer(save(request.param(), tmp_path_factory.mktemp(request.param.__name__)))


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> OwnTokenizer:
    return open_tokenizer(save(words(), tmp_path_factory.mktemp("words")))


def ids(batch: TokenBatch) -> list[list[int]]:
    return [batch.text(index).tolist() for index in range(len(batch.counts))]


def changed(path: Path, **changes: Any) -> Path:
    """The tokenizer.json with other values at the top."""
    document = json.loads((path / "tokenizer.json").read_text()) | changes
    (path / "tokenizer.json").write_text(json.dumps(document))
    return path


def test_the_sample_has_the_tokens_of_the_library(known: OwnTokenizer) -> None:
    said = texts()
    assert len(said) > 1000
    assert known.reference is not None
    assert ids(known.encode(said)) == ids(known.reference.encode(said))


HOSTILE = [
    "", " ", "  a  ", "\n\n\n", "\t\t x", "\r\n", "<|im_start|>user", "<|endoftext|>", "<think>so</think>", "<s>",
    "</s> a", "<unk>", "<0x0A>", "▁", "▁a ▁", "e\u0301", "ﬁﬀ", "漢字かな", "👍🏽‍", "\ufeffx", "\x00\x7f", "don't DON'T",
    "1234567", "Ⅷ²",
]  # fmt: skip
known_characters = st.characters(exclude_categories=["Cn", "Co", "Cs"], max_codepoint=0xFFFF)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text(known_characters, max_size=8) | st.sampled_from(HOSTILE)).map("".join), max_size=6))
def test_any_texts_have_the_tokens_of_the_library(known: OwnTokenizer, found: list[str]) -> None:
    assert known.reference is not None
    assert ids(known.encode(found)) == ids(known.reference.encode(found))


@pytest.mark.parametrize("text", [" ", "a", "\n", "漢"], ids=["spaces", "one letter", "newlines", "one character"])
def test_a_text_of_a_million_characters_without_a_break_is_counted(known: OwnTokenizer, text: str) -> None:
    started = time.monotonic()
    (count,) = known.encode([text * 1_000_000]).counts
    assert 0 < count <= 3_000_001
    assert time.monotonic() - started < 10


def test_what_looks_like_a_special_token_is_ordinary_text(tmp_path: Path) -> None:
    tokenizer = open_tokenizer(save(qwen(), tmp_path))
    for which in (tokenizer, tokenizer.reference):
        special, thought = which.encode(["<|im_end|>", "<think>"]).counts
        assert (special > 1, thought) == (True, 1)


def test_nothing_is_added_and_nothing_cut(tmp_path: Path) -> None:
    truncation = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}
    padding = {
        "strategy": {"Fixed": 9},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
    }
    special = {"id": "<|endoftext|>", "ids": [2000], "tokens": ["<|endoftext|>"]}
    template = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<|endoftext|>": special},
    }
    plain = ids(open_tokenizer(save(gpt2(), tmp_path / "plain")).encode(["one two three four"]))
    path = changed(save(gpt2(), tmp_path / "set"), truncation=truncation, padding=padding | {"pad_token": "!"})
    tokenizer = open_tokenizer(changed(path, post_processor=template))
    assert ids(tokenizer.encode(["one two three four"])) == plain
    assert ids(tokenizer.reference.encode(["one two three four"])) == plain


def test_a_kind_that_gigatoken_does_not_know_is_counted_by_the_library(unknown: OwnTokenizer) -> None:
    assert unknown.reference is None
    expected = HubFile.from_file(str(unknown.path)).encode("Do you rent out locks?").ids
    assert ids(unknown.encode(["Do you rent out locks?"])) == [expected]


def test_half_a_character_does_not_stop_the_others(known: OwnTokenizer, unknown: OwnTokenizer) -> None:
    for tokenizer in (known, unknown):
        alone, whole = tokenizer.encode(["\ud800", "hello"]).counts
        assert alone > 0
        assert whole == tokenizer.encode(["hello"]).counts[0]


class PanicException(BaseException):
    """Named as PyO3 names a panic of Rust code."""


class Failing:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def encode_batch(self, *_: object, **__: object) -> Any:
        raise self.error


def test_a_panic_of_the_fast_one_is_survived(known: OwnTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ids(known.encode(["hello", "", "world"]))
    monkeypatch.setattr(own_tokenizer, "_gigatoken", lambda _: Failing(PanicException("index out of bounds")))
    assert ids(known.encode(["hello", "", "world"])) == expected


def test_an_interrupt_is_not_a_panic(known: OwnTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_tokenizer, "_gigatoken", lambda _: Failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        known.encode(["hello"])


def test_a_pattern_that_never_ends_is_a_problem_in_seconds(tmp_path: Path) -> None:
    tokenizer = open_tokenizer(changed(save(words(), tmp_path), pre_tokenizer=BOMB))
    started = time.monotonic()
    with pytest.raises(Problem) as caught:
        tokenizer.encode(["a" * 40 + "b"])
    assert (caught.value.code, caught.value.exit_code) == ("tokenizer_failed", 2)
    assert time.monotonic() - started < 10


def test_another_process_gets_the_path_and_loads_by_itself(known: OwnTokenizer) -> None:
    sent = pickle.dumps(known)
    assert len(sent) < 1000
    assert ids(pickle.loads(sent).encode(["hello"])) == ids(known.encode(["hello"]))  # noqa: S301


def test_the_owner_makes_the_count_exact(tmp_path: Path) -> None:
    folder = save(llama3(), tmp_path / "model")
    tokens = analyze(sample_path(), tokenizer=open_tokenizer(folder, "meta-llama/Llama-3.2-1B")).tokens
    assert (tokens.exact, tokens.tokenizer) == (True, "meta-llama/Llama-3.2-1B")
    assert tokens.spot_check is not None
    assert (tokens.spot_check.checked, tokens.spot_check.differing) == (500, 0)
    tokens = analyze(sample_path(), tokenizer=open_tokenizer(folder)).tokens
    assert (tokens.exact, tokens.tokenizer) == (False, "model/tokenizer.json")


def test_the_vocabulary_counts_added_tokens(tmp_path: Path) -> None:
    assert open_tokenizer(save(gpt2(), tmp_path, rows=3000)).vocabulary == 3000


def problem(path: Path) -> str:
    with pytest.raises(Problem) as caught:
        open_tokenizer(path)
    assert caught.value.exit_code == 2
    assert str(path) in caught.value.message
    return caught.value.code


def test_a_folder_without_one_is_said(tmp_path: Path) -> None:
    assert problem(tmp_path) == problem(tmp_path / "nothing") == "tokenizer_not_found"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"model": {"vocab": {"a": -1}}}',
        b'{"model": {"vocab": {"a": 2147483648}}}',
        b'{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 16777216, "content": "b"}]}',
        b'{"model": {"type": "none", "vocab": {"a": 0}}}',
        b'{"model": {"vocab": {"a": 0}}, "normalizer": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model": {"vocab": {"a": 0}, "merges": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    ],
    ids=[
        "nothing", "a list", "no model", "not text", "a negative id", "an id that fills memory", "such an added token",
        "no known model", "deep", "deep inside",
    ],
)  # fmt: skip
def test_another_file_is_refused_before_a_library_dies_of_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    assert problem(path) == "invalid_tokenizer"


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    with path.open("wb") as file:
        file.truncate(own_tokenizer.MAX_FILE_BYTES + 1)
    assert problem(path) == "invalid_tokenizer"
