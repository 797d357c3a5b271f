"""The small files of a model, wherever they are: in a folder, in the hub caches of this machine, or on the hub."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from webapp.errors import Problem
from webapp.hub.fetching import ask, fetch_file, keep_file, kept_at, repository_folder, require_answer
from webapp.settings import Settings

MAX_BYTES = 2**20  # of a configuration or a template; the largest published ones have a third of it
MAX_INDEX_BYTES = 16 * 2**20
FETCH_SECONDS = 10.0  # for all that is read of a model: somebody waits


class ModelFiles(Protocol):
    """Where a model's files are read."""

    def read(self, name: str, max_bytes: int = MAX_BYTES) -> str | None:
        """The text of a file; None where the model has none of this name, or none that can be read."""


@dataclass(frozen=True)
class FolderFiles:
    """A model's folder on this machine; its files are read where they lie."""

    folder: Path

    def read(self, name: str, max_bytes: int = MAX_BYTES) -> str | None:
        """The text of a file of the folder."""
        return _text(self.folder / name, max_bytes)


@dataclass(frozen=True)
class HubFiles:
    """A model on the hub: what this machine has is read here, the rest is fetched until `deadline` and kept.

    `read` and `about` raise the Problems of `fetch_file`, and `model_not_on_hub`.
    """

    hub_id: str
    settings: Settings
    deadline: float = field(default_factory=lambda: monotonic() + FETCH_SECONDS)

    def read(self, name: str, max_bytes: int = MAX_BYTES) -> str | None:
        """The text of a file; that there is none is kept too."""
        found = cached_file(self.hub_id, name, self.settings)
        absent = repository_folder(self.hub_id, self.settings) / ".no_exist" / name
        if found is None and not absent.exists():
            fetched = fetch_file(self.hub_id, name, self.settings, max_bytes=max_bytes, seconds=self._seconds())
            if fetched is None:
                _write(absent, b"")
            else:
                found = keep_file(self.hub_id, name, fetched, self.settings)
        return _text(found, max_bytes) if found else None

    def about(self) -> dict[str, Any]:
        """The hub's `GET /api/models/org/name`, kept; empty for a model whose configuration was here already."""
        path = repository_folder(self.hub_id, self.settings) / "about.json"
        if not path.exists():
            if cached_file(self.hub_id, "config.json", self.settings):
                return {}
            _write(path, self._asked())
        return read_object(_text(path, MAX_INDEX_BYTES))

    def _asked(self) -> bytes:
        answer = ask(f"/api/models/{self.hub_id}", self.settings, max_bytes=MAX_INDEX_BYTES, seconds=self._seconds())
        if answer.status in (401, 403, 404):
            # The hub answers alike for what is private and for what is not there.
            raise Problem(
                "model_not_on_hub",
                f"{self.settings.hf_endpoint.rstrip('/')} shows no model {self.hub_id}: check the name; for a private "
                "one set HF_TOKEN.",
                status=404,
                param="model_id",
            )
        body = require_answer(answer, self.settings)
        if not read_object(body.decode("utf-8", "replace")):
            raise Problem("hub_unavailable", f"{self.settings.hf_endpoint} did not answer as the hub does.", status=502)
        return body

    def _seconds(self) -> float:
        return max(0.1, self.deadline - monotonic())


def cached_file(hub_id: str, name: str, settings: Settings) -> Path | None:
    """A model's file in the hub cache of this machine, or in the one that Tunebook fetches into."""
    # Imported here: only who is given a model needs it.
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    # None: where huggingface_hub itself looks.
    standard = settings.hf_hub_cache.expanduser() if settings.hf_hub_cache else None
    for folder in (standard, kept_at(settings)):
        try:
            found = try_to_load_from_cache(hub_id, name, cache_dir=folder)
        except HFValidationError:  # a folder that is gone
            return None
        if isinstance(found, str):
            return Path(found)
    return None


def cached_template(model: str, settings: Settings) -> Any:
    """The chat template of a model (a hub id in the hub cache, or a folder) as its tokenizer has it; None if not here.

    It is a text, or texts by name where the tokenizer names several.
    """

    def read(name: str) -> str | None:
        path = Path(model, name) if Path(model).is_dir() else cached_file(model, name, settings)
        return _text(path, MAX_INDEX_BYTES) if path else None

    return read("chat_template.jinja") or named_templates(read_object(read("tokenizer_config.json")))


def named_templates(tokenizer_config: dict[str, Any]) -> Any:
    """The chat template of a tokenizer_config.json: a text, texts by name, or None."""
    template = tokenizer_config.get("chat_template")
    try:
        return {item["name"]: item["template"] for item in template} if isinstance(template, list) else template
    except (KeyError, TypeError):  # a stranger's file
        return None


def read_object(text: str | None) -> dict[str, Any]:
    """The JSON object of a text; empty for anything else."""
    try:
        read = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _text(path: Path, max_bytes: int) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
        return content.decode("utf-8") if len(content) <= max_bytes else None
    except (OSError, ValueError):
        return None


def _write(path: Path, content: bytes) -> None:
    from webapp.storage.files import write_file

    write_file(path, content)
