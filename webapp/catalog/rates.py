"""Tokens per word of a dataset, under every tokenizer that is at hand."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from time import process_time

import msgspec

from webapp.datasets import Examples, Tokenizer, open_tokenizer
from webapp.datasets.pieces import texts_of
from webapp.errors import Problem
from webapp.training.metrics import WORD

SAMPLE = 200  # examples counted, so that a million rows take no longer
CHARACTERS = 8000  # of an example its beginning: all of them are 1.6 MB, half a second of the slower library
SECONDS = 10.0  # of CPU, after which no other tokenizer is loaded: one of 200,000 tokens takes 1 to 1.5


class TokenRates(msgspec.Struct, frozen=True):
    """Tokens per word of this data: of the tokenizer that the report counts with, and of models by id, where known.

    Where a script writes no words apart, a word is a character.
    """

    counted: float
    models: Mapping[str, float] = {}


def token_rates(examples: Examples, counter: Tokenizer, files: Mapping[Path, Sequence[str]]) -> TokenRates | None:
    """The rates of a sample of the examples: under `counter`, and under each `tokenizer.json` for the models named.

    Files that are no tokenizer, or fail on a text, are as good as not there. None where no rate can be told.
    """
    if not files:
        return None
    texts = [text for example in examples.sample(SAMPLE) for text in _beginning(texts_of(example))]
    words = sum(len(WORD.findall(text)) for text in texts)
    if not words:
        return None
    found: dict[str, float] = {}
    began = process_time()
    for path, models in files.items():
        if process_time() - began > SECONDS:
            break
        if tokens := _tokens(path, texts):
            found |= dict.fromkeys(models, tokens / words)
    return TokenRates(int(counter.encode(texts).counts.sum()) / words, found) if found else None


def _beginning(texts: Sequence[str]) -> Iterator[str]:
    """The texts up to `CHARACTERS` in all."""
    for text, before in zip(texts, accumulate(map(len, texts), initial=0), strict=False):
        if before < CHARACTERS:
            yield text[: CHARACTERS - before]


def _tokens(path: Path, texts: Sequence[str]) -> int:
    """Tokens of these texts in all, 0 where they cannot be counted."""
    try:
        return int(open_tokenizer(path).encode(texts).counts.sum())
    except (OSError, Problem):
        return 0
