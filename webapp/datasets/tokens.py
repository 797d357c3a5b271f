"""Token counts by OpenAI's o200k_base encoding, from the rank file of this installation, never from the network."""

from base64 import b64decode
from collections.abc import Sequence
from functools import cache
from typing import Protocol

import tiktoken

from webapp.errors import Problem
from webapp.resources import resource

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


class Tokenizer(Protocol):
    """Anything that counts tokens."""

    @property
    def name(self) -> str:
        """The name shown in the report."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text; text that looks like a special token counts as ordinary text."""


class O200kTokenizer:
    """o200k_base, the encoding of GPT-4o and later; loaded once a process (about 0.3 s and 80 MB).

    A text over 50,000 characters is counted in pieces, so its count can be off by a token or two a piece.
    Raises `Problem("installation_incomplete")` when the rank file is missing.
    """

    name = "o200k_base"

    def __init__(self) -> None:
        self._encoding = _encoding()

    def count(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text."""
        return [self._count(text) for text in texts]

    def _count(self, text: str) -> int:
        if len(text) <= _PIECE_CHARACTERS:
            return self._count_piece(text)
        starts = range(0, len(text), _PIECE_CHARACTERS)
        return sum(self._count_piece(text[start : start + _PIECE_CHARACTERS]) for start in starts)

    def _count_piece(self, text: str) -> int:
        try:
            return len(self._encoding.encode_ordinary(text))
        except BaseException as error:
            # A panic in tiktoken's Rust code is not an Exception; one text must not end the process.
            if type(error).__name__ != "PanicException":
                raise
            return len(text.encode())  # an upper bound: a token is at least one byte


@cache
def _encoding() -> tiktoken.Encoding:
    path = resource("encodings") / RANK_FILE
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        raise Problem(
            "installation_incomplete",
            "The o200k_base rank file is missing from this installation of tunebook; install it again.",
            status=500,
        ) from None
    ranks = {b64decode(token): int(rank) for token, rank in map(bytes.split, lines)}
    return tiktoken.Encoding("o200k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
