"""The tokens of examples: how many each has, and those of what is said in it."""

from collections.abc import Sequence

import numpy as np

from webapp.datasets.records import Texts
from webapp.datasets.report import SpotCheck
from webapp.datasets.tokens import Sample, TokenBatch, Tokenizer


class TokenCounter:
    """Encodes examples batch by batch, and keeps a sample of their texts for the spot check."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._sample = Sample()

    def count(self, found: Sequence[Texts]) -> tuple[list[int], TokenBatch]:
        """All tokens of each example, and the tokens of each without its system prompts and tools."""
        flat = [text for said, setting in found for text in (*said, *setting)]
        encoded = self._tokenizer.encode(flat)
        self._sample.take(flat, encoded)
        said = np.array([len(example.said) for example in found], np.int64)
        ends = np.cumsum([0, *(len(example.said) + len(example.setting) for example in found)])
        starts, middles, stops = (encoded.offsets[bound] for bound in (ends[:-1], ends[:-1] + said, ends[1:]))
        is_said = np.repeat(
            np.arange(2 * len(found)) % 2 == 0, np.stack([middles - starts, stops - middles], 1).ravel()
        )
        offsets = np.concatenate([[0], np.cumsum(middles - starts)])
        return (stops - starts).tolist(), TokenBatch(encoded.ids[is_said], offsets)

    def spot_check(self) -> SpotCheck | None:
        """The sample encoded by the tokenizer's reference; None where there is none."""
        reference = self._tokenizer.reference
        return self._sample.compare(reference) if reference else None
