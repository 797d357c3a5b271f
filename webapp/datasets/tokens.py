"""What a tokenizer is here, and the check of a fast one against its reference on a sample of the texts."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from webapp.datasets.token_report import SpotCheck

SAMPLED_TEXTS = 500
# Longer texts are not sampled: 500 of these are at most 20 MB, and a reference may cut longer ones.
SAMPLED_CHARACTERS = 10_000


class TokenBatch(NamedTuple):
    """The tokens of n texts: `ids` of all, one after another; text i has `ids[offsets[i]:offsets[i + 1]]`."""

    ids: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[Sequence[int] | npt.NDArray[np.uint32]]) -> Self:
        """The batch of texts whose ids are given one by one."""
        offsets = np.zeros(len(texts) + 1, np.int64)
        offsets[1:] = np.cumsum([len(ids) for ids in texts])
        parts = [np.asarray(ids, np.uint32) for ids in texts]
        return cls(np.concatenate([np.empty(0, np.uint32), *parts]), offsets)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """The number of tokens of each text."""
        return np.diff(self.offsets)

    def lengths(self, texts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The number of tokens of each of these texts."""
        return self.offsets[texts + 1] - self.offsets[texts]

    def text(self, index: int) -> npt.NDArray[np.uint32]:
        """The ids of one text."""
        return self.ids[self.offsets[index] : self.offsets[index + 1]]


class Tokenizer(Protocol):
    """Anything that turns texts into tokens."""

    @property
    def name(self) -> str:
        """The name shown in the report."""

    @property
    def owner(self) -> str | None:
        """The model whose own tokenizer this is; None: its counts are an estimate for any model."""

    @property
    def reference(self) -> "Tokenizer | None":
        """A slower tokenizer that must give the same ids, None where there is none to ask."""

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """The tokens of each text, ids below 2^24; what looks like a special token is ordinary text."""


class LearnedTexts(Protocol):
    """Anything that knows how a model's chat template writes the answers of a conversation (as plain JSON data)."""

    @property
    def name(self) -> str:
        """The name of the template."""

    def __call__(self, conversation: dict[str, Any]) -> tuple[list[str], int]:
        """The texts that are learned, in pieces without special tokens, and how many of these are learned."""


Sampled = tuple[str, npt.NDArray[np.uint32]]


def spot_check(sample: Sequence[Sampled], reference: Tokenizer) -> SpotCheck:
    """How many of these texts `reference` encodes to other ids than those beside them."""
    expected = reference.encode([text for text, _ in sample])
    same = [np.array_equal(ids, expected.text(index)) for index, (_, ids) in enumerate(sample)]
    return SpotCheck(checked=len(same), differing=same.count(False))
