"""OpenAI's encodings o200k_base and cl100k_base, from the rank files of this installation, never from the network."""

from binascii import a2b_base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import tiktoken

from webapp.datasets import gigatokens
from webapp.datasets.tokens import TokenBatch
from webapp.errors import Problem
from webapp.resources import resource

if TYPE_CHECKING:
    import gigatoken


class Encoding(NamedTuple):
    """An encoding as data: the name of its rank file, how a text is split, and gigatoken's name for that."""

    rank_file: str
    pattern: str
    pretokenizer: str


# The patterns are `pat_str` in tiktoken_ext/openai_public.py, which only hands them out after a download.
ENCODINGS = {
    "o200k_base": Encoding(
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "|".join(
            [
                r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
                r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
                r"""\p{N}{1,3}""",
                r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""",
                r"""\s*[\r\n]+""",
                r"""\s+(?!\S)""",
                r"""\s+""",
            ]
        ),
        "o200k",
    ),
    "cl100k_base": Encoding(
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "|".join(
            [
                r"""'(?i:[sdmt]|ll|ve|re)""",
                r"""[^\r\n\p{L}\p{N}]?+\p{L}++""",
                r"""\p{N}{1,3}+""",
                r""" ?[^\s\p{L}\p{N}]++[\r\n]*+""",
                r"""\s++$""",
                r"""\s*[\r\n]""",
                r"""\s+(?!\S)""",
                r"""\s""",
            ]
        ),
        "cl100k",
    ),
}
# tiktoken's regular expression engine runs out of stack on a run of a million spaces; 100,000 pass.
_PIECE_CHARACTERS = 50_000


@dataclass(frozen=True)
class TiktokenTokenizer:
    """tiktoken, the reference; loaded at the first text (o200k_base: about 0.3 s and 80 MB a process).

    A text over 50,000 characters is encoded in pieces, so its count can be off by a token or two a piece.
    """

    name: str = "o200k_base"
    owner = None
    reference = None

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """The tokens of each text."""
        return TokenBatch.of([self._encode(text) for text in texts])

    def _encode(self, text: str) -> list[int]:
        starts = range(0, len(text), _PIECE_CHARACTERS)
        return [token for start in starts for token in self._encode_piece(text[start : start + _PIECE_CHARACTERS])]

    def _encode_piece(self, text: str) -> Sequence[int]:
        try:
            return _tiktoken(self.name).encode_ordinary(text)
        except BaseException as error:
            if not gigatokens.is_refusal(error):
                raise
            return text.encode("utf-8", "replace")  # an upper bound: a token is at least one byte


@dataclass(frozen=True)
class OpenAITokenizer:
    """An encoding of OpenAI by gigatoken: ten times tiktoken (benchmarks/tokens.py), which gets what it refuses.

    o200k_base is that of GPT-4o and later, cl100k_base that of GPT-4. Loaded at the first text, once a process (about
    0.5 s and 60 MB). Raises `Problem("installation_incomplete")` when the rank file is missing.
    """

    name: str = "o200k_base"
    owner = None

    def __post_init__(self) -> None:
        _rank_file(self.name)

    @property
    def reference(self) -> TiktokenTokenizer:
        """The same encoding by tiktoken."""
        return TiktokenTokenizer(self.name)

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """The tokens of each text."""
        return gigatokens.encode(_gigatoken(self.name), self.reference, texts)


@cache
def _gigatoken(name: str) -> "gigatoken.Tokenizer":
    # Imported here because the server, which never counts a token, would carry it and awkward (30 MB).
    import gigatoken

    pretokenizer = ENCODINGS[name].pretokenizer
    return gigatoken.Tokenizer.from_tiktoken(_rank_file(name), pretokenizer=pretokenizer, special_tokens={})


@cache
def _tiktoken(name: str) -> tiktoken.Encoding:
    words = _rank_file(name).read_bytes().split()
    ranks = dict(zip(map(a2b_base64, words[::2]), map(int, words[1::2]), strict=True))
    return tiktoken.Encoding(name, pat_str=ENCODINGS[name].pattern, mergeable_ranks=ranks, special_tokens={})


def _rank_file(name: str) -> Path:
    path = resource("encodings") / ENCODINGS[name].rank_file
    if not path.is_file():
        raise Problem(
            "installation_incomplete",
            f"The {name} rank file is missing from this installation of tunebook; install it again.",
            status=500,
        )
    return path
