"""A model's own tokenizer, from the `tokenizer.json` that Hugging Face's libraries write.

Such a file may come from anyone: its size, depth and ids are checked before a library sees it; nothing in it is run.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from webapp.datasets import gigatokens
from webapp.datasets.tokens import TokenBatch, Tokenizer
from webapp.errors import Problem

if TYPE_CHECKING:
    import gigatoken
    import tokenizers

FILE_NAME = "tokenizer.json"
MAX_FILE_BYTES = 64 * 1024 * 1024  # Gemma 3's, the largest of the catalogue, has 33 MB
# gigatoken makes a table up to the largest id: one of 2^31 would end the process for lack of memory.
_Id = Annotated[int, Meta(ge=0, lt=2**24)]
_NULL = msgspec.Raw(b"null")


class _AddedToken(msgspec.Struct):
    id: _Id


class _Model(msgspec.Struct):
    vocab: dict[str, _Id] | list[tuple[str, float]]


class _File(msgspec.Struct):
    """The part of a tokenizer.json that is checked."""

    model: _Model
    added_tokens: list[_AddedToken] = []

    @property
    def vocabulary(self) -> int:
        vocab = self.model.vocab
        used = vocab.values() if isinstance(vocab, dict) else range(len(vocab))
        largest: int = max([-1, *used, *(token.id for token in self.added_tokens)])
        return largest + 1


@dataclass(frozen=True)
class HubTokenizer:
    """Hugging Face's `tokenizers`, which every model's own tokenizer is made with: the reference, and slower.

    What looks like a special token is ordinary text, as in gigatoken. Raises Problem `tokenizer_failed` for a text it
    has no tokens for.
    """

    path: Path
    name: str
    owner: str | None = None
    reference = None

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """The tokens of each text."""
        whole = [text.encode("utf-8", "replace").decode() for text in texts]  # without halves of characters
        try:
            found = _hub(self.path).encode_batch_fast(whole, add_special_tokens=False)
        except BaseException as error:
            if not gigatokens.is_failure(error):
                raise
            raise Problem(
                "tokenizer_failed",
                f"The tokenizer {self.name} fails on a text of this dataset ({str(error)[:100]}); count with another: "
                "--tokenizer o200k_base.",
                param="tokenizer",
            ) from error
        return TokenBatch.of([encoding.ids for encoding in found])


@dataclass(frozen=True)
class OwnTokenizer:
    """The tokenizer of a `tokenizer.json`: by gigatoken where it knows the kind, else by Hugging Face's library.

    `name` is shown in the report; `owner` is the model it belongs to, None where nobody said which. The same object
    works in another process of this machine: it is loaded there at the first text. Made by `open_tokenizer`.
    """

    path: Path
    name: str
    owner: str | None = None

    @property
    def reference(self) -> Tokenizer | None:
        """Hugging Face's library; None where it is the one that counts."""
        return self._hub if _gigatoken(self.path) else None

    @property
    def vocabulary(self) -> int:
        """One more than the largest id."""
        return _checked(self.path)[1]

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """The tokens of each text."""
        fast = _gigatoken(self.path)
        return gigatokens.encode(fast, self._hub, texts) if fast else self._hub.encode(texts)

    @property
    def _hub(self) -> HubTokenizer:
        return HubTokenizer(self.path, self.name, self.owner)


def open_tokenizer(path: Path, owner: str | None = None) -> OwnTokenizer:
    """The tokenizer of a `tokenizer.json` or of a model's folder that holds one; `owner` is the model it belongs to.

    Raises Problem `tokenizer_not_found`, and `invalid_tokenizer` for a file that is none.
    """
    file = (path / FILE_NAME if path.is_dir() else path).absolute()
    if not file.is_file():
        raise Problem(
            "tokenizer_not_found",
            f"There is no {FILE_NAME} at {path}; give the file itself or the folder of a model that has one.",
            param="tokenizer",
        )
    if not _gigatoken(file):
        _hub(file)
    return OwnTokenizer(file, owner or f"{file.parent.name}/{file.name}", owner)


@lru_cache(maxsize=1)  # one of 200,000 tokens takes 70 to 90 MiB; nobody counts with two in turn
def _gigatoken(path: Path) -> "gigatoken.Tokenizer | None":
    """gigatoken's tokenizer, which refuses a kind that it does not know rather than guess."""
    # Imported here because the server, which never counts a token, would carry it and awkward (30 MB).
    import gigatoken

    content = _without_special_tokens(_checked(path)[0])
    try:
        return gigatoken.Tokenizer.from_json(content)
    except BaseException as error:
        if not gigatokens.is_failure(error):
            raise
        return None


@lru_cache(maxsize=1)
def _hub(path: Path) -> "tokenizers.Tokenizer":
    import tokenizers

    try:
        made = tokenizers.Tokenizer.from_buffer(_checked(path)[0])
    except BaseException as error:
        if not gigatokens.is_failure(error):
            raise
        raise _invalid(path, str(error)) from error
    made.encode_special_tokens = True
    made.no_truncation()
    made.no_padding()
    return made


def _checked(path: Path) -> tuple[bytes, int]:
    """The content, whose size, depth and ids are within bounds, and one more than the largest id."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
            raise _invalid(path, f"it is larger than {MAX_FILE_BYTES // 2**20} MiB")
        content = file.read()
    try:
        return content, msgspec.json.decode(content, type=_File).vocabulary
    except (msgspec.DecodeError, RecursionError) as error:
        raise _invalid(path, str(error)) from error


def _without_special_tokens(content: bytes) -> bytes:
    """The file as gigatoken shall see it: it always merges the added tokens that it knows."""
    parts = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    added = msgspec.json.decode(parts.get("added_tokens", b"[]"), type=list[dict[str, Any]])
    ordinary = [token for token in added if not token.get("special")]
    parts["added_tokens"] = msgspec.Raw(msgspec.json.encode(ordinary))
    return msgspec.json.encode(parts | dict.fromkeys(("truncation", "padding", "post_processor"), _NULL))


def _invalid(path: Path, reason: str) -> Problem:
    return Problem(
        "invalid_tokenizer",
        f"{path} is not a tokenizer that can be used: {reason[:200]}. Give the {FILE_NAME} of a model.",
        param="tokenizer",
    )
