"""OpenAI's o200k_base encoding, from the rank file of this installation, never from the network."""

from binascii import a2b_base64
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import tiktoken

from webapp.datasets.tokens import TokenBatch
from webapp.errors import Problem
from webapp.resources import resource

if TYPE_CHECKING:
    import gigatoken

RANK_FILE = "fb374d419588a4632f3f557e76b4b70aebbca790"
# `pat_str` of o200k_base() in tiktoken_ext/openai_public.py, which only hands it out after a download.
PATTERN = "|".join(
    [
        r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
        r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
        r"""\p{N}{1,3}""",
        r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""",
        r"""\s*[\r\n]+""",
        r"""\s+(?!\S)""",
        r"""\s+""",
    ]
)
# tiktoken's regular expression engine runs out of stack on a run of a million spaces; 100,000 pass.
_PIECE_CHARACTERS = 50_000


class TiktokenO200k:
    """tiktoken, the reference; loaded at the first text (about 0.3 s and 80 MB a process).

    A text over 50,000 characters is encoded in pieces, so its count can be off by a token or two a piece.
    """

    name = "o200k_base"
    reference = None

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """The tokens of each text."""
        return TokenBatch.of([self._encode(text) for text in texts])

    def _encode(self, text: str) -> list[int]:
        starts = range(0, len(text), _PIECE_CHARACTERS)
        return [token for start in starts for token in _encode_piece(text[start : start + _PIECE_CHARACTERS])]


class O200kTokenizer:
    """o200k_base, the encoding of GPT-4o and later, by gigatoken: ten times tiktoken (benchmarks/tokens.py).

    Texts that gigatoken refuses (half a character) or panics on go to tiktoken. Loaded once a process (about 0.5 s
    and 60 MB). Raises `Problem("installation_incomplete")` when the rank file is missing.
    """

    name = "o200k_base"

    def __init__(self) -> None:
        self._fast = _gigatoken()
        self.reference = TiktokenO200k()

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        """Travels as its name: what gigatoken has read stays in its process."""
        return type(self), ()

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """The tokens of each text."""
        try:
            return self._encode(texts)
        except BaseException as error:
            if not _is_refusal(error):
                raise
        if len(texts) == 1:
            return self.reference.encode(texts)
        return TokenBatch.of([self.encode([text]).ids for text in texts])

    def _encode(self, texts: Sequence[str]) -> TokenBatch:
        layout = self._fast.encode_batch(list(texts), parallel=False).layout
        offsets = np.asarray(layout.offsets.data, np.int64)
        # The buffer may hold more than these texts, and need not begin with them.
        return TokenBatch(np.asarray(layout.content.data)[offsets[0] : offsets[-1]], offsets - offsets[0])


def _encode_piece(text: str) -> Sequence[int]:
    try:
        return _encoding().encode_ordinary(text)
    except BaseException as error:
        if not _is_refusal(error):
            raise
        return text.encode("utf-8", "replace")  # an upper bound: a token is at least one byte


def _is_refusal(error: BaseException) -> bool:
    """A panic in Rust code is not an Exception; one text must not end the process."""
    return isinstance(error, TypeError) or type(error).__name__ == "PanicException"


@cache
def _gigatoken() -> "gigatoken.Tokenizer":
    # Imported here because the server, which never counts a token, would carry it and awkward (30 MB).
    import gigatoken

    return gigatoken.Tokenizer.from_tiktoken(_rank_file(), pretokenizer="o200k", special_tokens={})


@cache
def _encoding() -> tiktoken.Encoding:
    words = _rank_file().read_bytes().split()
    ranks = dict(zip(map(a2b_base64, words[::2]), map(int, words[1::2]), strict=True))
    return tiktoken.Encoding("o200k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})


def _rank_file() -> Path:
    path = resource("encodings") / RANK_FILE
    if not path.is_file():
        raise Problem(
            "installation_incomplete",
            "The o200k_base rank file is missing from this installation of tunebook; install it again.",
            status=500,
        )
    return path
