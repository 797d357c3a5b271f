"""A model's own tokenizer: in the local hub cache, as a file, or fetched from the hub when asked to."""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webapp.catalog import BaseModel
from webapp.datasets import ENCODINGS, OpenAITokenizer, OwnTokenizer, Tokenizer, open_tokenizer
from webapp.datasets.own_tokenizer import FILE_NAME, MAX_FILE_BYTES
from webapp.errors import Problem
from webapp.settings import Settings

if TYPE_CHECKING:
    from webapp.outbound import Answer

FETCH_SECONDS = 120.0


def choose_tokenizer(given: str | None, model: BaseModel | None, settings: Settings, *, fetch: bool) -> Tokenizer:
    """The tokenizer to count with: the one that was given, else the model's own if it is at hand, else o200k_base.

    `given` is the name of an encoding, a `tokenizer.json` or a model's folder; with a model, such a file is taken for
    the model's own. Only `fetch` asks the hub, and only for what is not in the cache. Raises Problem:
    `tokenizer_not_found`, `invalid_tokenizer`, `wrong_tokenizer`, `no_model_to_fetch_for`, those of `fetch_tokenizer`.
    """
    if fetch and (given or not model):
        raise Problem(
            "no_model_to_fetch_for",
            "--fetch-tokenizer fetches the tokenizer of --model ID; leave --tokenizer out.",
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
    """The model's tokenizer.json in the hub cache of this machine, or in the one that tunebook fetches into."""
    # Imported here: only commands that are given a model need it.
    from huggingface_hub import try_to_load_from_cache

    # None: where huggingface_hub itself looks.
    standard = settings.hf_hub_cache.expanduser() if settings.hf_hub_cache else None
    for folder in (standard, _fetched(settings)):
        found = try_to_load_from_cache(hub_id, FILE_NAME, cache_dir=folder)
        if isinstance(found, str):
            return Path(found)
    return None


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


def cached_template(model: str, settings: Settings) -> Any:
    """The chat template of a model (a hub id in the hub cache, or a folder) as its tokenizer has it; None if not here.

    It is a text, or texts by name where the tokenizer names several.
    """
    if text := _cached_file(model, "chat_template.jinja", settings):
        return text
    try:
        template = json.loads(_cached_file(model, "tokenizer_config.json", settings) or "{}").get("chat_template")
        return {item["name"]: item["template"] for item in template} if isinstance(template, list) else template
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # a stranger's file
        return None


def _cached_file(model: str, name: str, settings: Settings) -> str | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    found: object = Path(model, name)
    if not Path(model).is_dir():
        folder = settings.hf_hub_cache.expanduser() if settings.hf_hub_cache else None
        try:
            found = try_to_load_from_cache(model, name, cache_dir=folder)
        except HFValidationError:  # a folder that is gone
            return None
    try:
        return Path(found).read_text(encoding="utf-8") if isinstance(found, str | Path) else None
    except (OSError, ValueError):
        return None


def fetch_tokenizer(hub_id: str, settings: Settings) -> Path:
    """The model's tokenizer.json, fetched from the hub into the hub cache under TUNEBOOK_HOME (at most 64 MiB).

    Raises Problem: `model_gated`, `tokenizer_not_on_hub`, `hub_unavailable`, `invalid_tokenizer`, those of
    `webapp.outbound.get`.
    """
    from webapp import outbound
    from webapp.storage.files import write_file

    endpoint = settings.hf_endpoint.rstrip("/")
    token = settings.hf_token.get_secret_value().strip() if settings.hf_token else ""
    answer = outbound.get(
        f"{endpoint}/{hub_id}/resolve/main/{FILE_NAME}",
        max_bytes=MAX_FILE_BYTES,
        seconds=FETCH_SECONDS,
        trusted=endpoint,
        headers={"authorization": f"Bearer {token}"} if token else None,
    )
    if answer.status != 200:
        raise _not_given(hub_id, endpoint, answer)
    revision = _revision(answer)
    repository = _fetched(settings) / f"models--{hub_id.replace('/', '--')}"
    path = repository / "snapshots" / revision / FILE_NAME
    write_file(path, answer.body)
    try:
        open_tokenizer(path)
    except Problem:
        path.unlink()
        raise
    write_file(repository / "refs" / "main", revision.encode())
    return path


def _fetched(settings: Settings) -> Path:
    return settings.root / "hub"


def _revision(answer: "Answer") -> str:
    """The commit that the hub itself names; it becomes the name of a folder."""
    commit = answer.trail[0].get("x-repo-commit", "")
    return commit if re.fullmatch(r"[0-9a-f]{40}", commit) else "main"


def _not_given(hub_id: str, endpoint: str, answer: "Answer") -> Problem:
    if answer.status in (401, 403):
        return Problem(
            "model_gated",
            f"The hub gives the tokenizer of {hub_id} only to people who accepted its licence: accept it at "
            f"{endpoint}/{hub_id} and set HF_TOKEN, or give a copy with --tokenizer PATH.",
            status=403,
        )
    if answer.status == 404:
        return Problem(
            "tokenizer_not_on_hub",
            f"{hub_id} has no {FILE_NAME} on {endpoint}; give one with --tokenizer PATH.",
            status=404,
        )
    return Problem("hub_unavailable", f"{endpoint} answered with {answer.status}; try again later.", status=502)
