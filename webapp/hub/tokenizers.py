"""A model's own tokenizer: in the local hub cache, as a file, or fetched from the hub when asked to."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from webapp.catalog import BaseModel
from webapp.datasets import ENCODINGS, OpenAITokenizer, OwnTokenizer, Tokenizer, open_tokenizer
from webapp.datasets.own_tokenizer import FILE_NAME, MAX_FILE_BYTES
from webapp.errors import Problem
from webapp.hub.fetching import fetch_file, keep_file
from webapp.hub.files import cached_file
from webapp.settings import Settings

FETCH_SECONDS = 120.0


def choose_tokenizer(given: str | None, model: BaseModel | None, settings: Settings, *, fetch: bool) -> Tokenizer:
    """The tokenizer to count with: the one that was given, else the model's own if it is at hand, else o200k_base.

    `given` is the name of an encoding, a `tokenizer.json` or a model's folder; with a model, such a file is taken for
    the model's own. Only `fetch` asks the hub, and only for what is not in the cache. Raises Problem:
    `tokenizer_not_found`, `invalid_tokenizer`, `wrong_tokenizer`, `no_model_to_fetch_for`, those of `fetch_tokenizer`.
    """
    if fetch and (given or not model or Path(model.hub_id).is_absolute()):
        raise Problem(
            "no_model_to_fetch_for",
            "--fetch-tokenizer fetches the tokenizer of --model ID from the hub; leave --tokenizer out.",
            param="fetch_tokenizer",
        )
    if given in ENCODINGS:
        return OpenAITokenizer(given)
    if given:
        return _own(Path(given).expanduser(), model)
    if not model:
        return OpenAITokenizer()
    path = cached_tokenizer(model.hub_id, settings) or (fetch_tokenizer(model.hub_id, settings) if fetch else None)
    return _own(path, model) if path else OpenAITokenizer()


def _own(path: Path, model: BaseModel | None) -> OwnTokenizer:
    tokenizer = open_tokenizer(path, model.hub_id if model else None)
    # Embeddings are padded, and Gemma 3 has an id more than rows; another family's vocabulary is further off.
    if model and not 0.9 <= tokenizer.vocabulary / model.shape.vocab <= 1.01:
        raise Problem(
            "wrong_tokenizer",
            f"{path} has {tokenizer.vocabulary:,} tokens, {model.name} has {model.shape.vocab:,}: it is not that "
            "model's own. Leave --model out to count with it all the same.",
            param="tokenizer",
        )
    return tokenizer


def cached_tokenizer(hub_id: str, settings: Settings) -> Path | None:
    """The model's tokenizer.json in the hub cache of this machine, or in the one that tunebook fetches into.

    That of a model which is a folder lies in it.
    """
    if Path(hub_id).is_absolute():
        path = Path(hub_id, FILE_NAME)
        return path if path.is_file() else None
    return cached_file(hub_id, FILE_NAME, settings)


def fetch_tokenizer(hub_id: str, settings: Settings) -> Path:
    """The model's tokenizer.json, fetched from the hub into the hub cache under TUNEBOOK_HOME (at most 64 MiB).

    Raises Problem: `tokenizer_not_on_hub`, `invalid_tokenizer`, those of `fetch_file`.
    """
    fetched = fetch_file(hub_id, FILE_NAME, settings, max_bytes=MAX_FILE_BYTES, seconds=FETCH_SECONDS)
    if fetched is None:
        raise Problem(
            "tokenizer_not_on_hub",
            f"{hub_id} has no {FILE_NAME} on {settings.hf_endpoint.rstrip('/')}; give one with --tokenizer PATH.",
            status=404,
        )
    path = keep_file(hub_id, FILE_NAME, fetched, settings)
    try:
        open_tokenizer(path)
    except Problem:
        path.unlink()
        raise
    return path


def cached_tokenizers(models: Iterable[BaseModel], settings: Settings) -> dict[Path, list[str]]:
    """The tokenizer.json of each of these models that is in those caches, equal files once, with the models' ids."""
    found: dict[bytes, tuple[Path, list[str]]] = {}
    for model in models:
        try:
            if path := cached_tokenizer(model.hub_id, settings):
                digest = hashlib.sha256(path.read_bytes()).digest()
                found.setdefault(digest, (path, []))[1].append(model.id)
        except OSError:  # gone meanwhile, or not ours to read
            continue
    return dict(found.values())
