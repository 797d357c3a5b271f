"""Encoding by gigatoken, which no text may bring down: what it refuses goes to a slower tokenizer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from webapp.datasets.tokens import TokenBatch, Tokenizer

if TYPE_CHECKING:
    import gigatoken


def encode(fast: "gigatoken.Tokenizer", reference: Tokenizer, texts: Sequence[str]) -> TokenBatch:
    """The tokens of each text; those that gigatoken refuses (half a character) or panics on, by `reference`."""
    try:
        return _encode(fast, texts)
    except BaseException as error:
        if not is_refusal(error):
            raise
    if len(texts) == 1:
        return reference.encode(texts)
    return TokenBatch.of([encode(fast, reference, [text]).ids for text in texts])


def is_refusal(error: BaseException) -> bool:
    """Whether a library written in Rust refused a text; its panic is not an Exception."""
    return isinstance(error, TypeError) or type(error).__name__ == "PanicException"


def is_failure(error: BaseException) -> bool:
    """Whether such a library failed, in either way; what else is no Exception ends the process."""
    return isinstance(error, Exception) or is_refusal(error)


def _encode(fast: "gigatoken.Tokenizer", texts: Sequence[str]) -> TokenBatch:
    # Or gigatoken does so at its first text, where it takes a Ctrl-C for a missing package and gives lists instead.
    import awkward  # noqa: F401

    layout = fast.encode_batch(list(texts), parallel=False).layout
    offsets = np.asarray(layout.offsets.data, np.int64)
    # The buffer may hold more than these texts, and need not begin with them.
    return TokenBatch(np.asarray(layout.content.data)[offsets[0] : offsets[-1]], offsets - offsets[0])
