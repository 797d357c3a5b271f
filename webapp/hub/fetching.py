"""What is fetched from the hub, and kept under TUNEBOOK_HOME in the hub's own layout."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from webapp.errors import Problem
from webapp.settings import Settings

if TYPE_CHECKING:
    from webapp.outbound import Answer


class FetchedFile(NamedTuple):
    """A file and the commit it is of, as the hub names it."""

    body: bytes
    revision: str


def kept_at(settings: Settings) -> Path:
    """The hub cache that Tunebook fetches into."""
    return settings.root / "hub"


def repository_folder(hub_id: str, settings: Settings) -> Path:
    """Where what was fetched of a model lies."""
    return kept_at(settings) / f"models--{hub_id.replace('/', '--')}"


def fetch_file(hub_id: str, name: str, settings: Settings, *, max_bytes: int, seconds: float) -> FetchedFile | None:
    """A file of the model's newest commit; None where it has none of this name.

    Raises Problem: `model_gated`, `hub_unavailable`, those of `webapp.outbound.get`.
    """
    answer = ask(f"/{hub_id}/resolve/main/{name}", settings, max_bytes=max_bytes, seconds=seconds)
    if answer.status == 404:
        return None
    if answer.status in (401, 403):
        endpoint = settings.hf_endpoint.rstrip("/")
        raise Problem(
            "model_gated",
            f"The hub gives {name} of {hub_id} only to people who accepted its licence: accept it at "
            f"{endpoint}/{hub_id} and set HF_TOKEN, or use a copy that you have.",
            status=403,
        )
    return FetchedFile(require_answer(answer, settings), _revision(answer))


def keep_file(hub_id: str, name: str, fetched: FetchedFile, settings: Settings) -> Path:
    """Where the file lies from now on, so that `cached_file` finds it."""
    from webapp.storage.files import write_file

    repository = repository_folder(hub_id, settings)
    path = repository / "snapshots" / fetched.revision / name
    write_file(path, fetched.body)
    write_file(repository / "refs" / "main", fetched.revision.encode())
    return path


def ask(path: str, settings: Settings, *, max_bytes: int, seconds: float) -> "Answer":
    """The hub's answer, whatever its status; HF_TOKEN is sent to the hub itself only."""
    from webapp import outbound

    endpoint = settings.hf_endpoint.rstrip("/")
    token = settings.hf_token.get_secret_value().strip() if settings.hf_token else ""
    return outbound.get(
        f"{endpoint}{path}",
        max_bytes=max_bytes,
        seconds=seconds,
        trusted=endpoint,
        headers={"authorization": f"Bearer {token}"} if token else None,
    )


def require_answer(answer: "Answer", settings: Settings) -> bytes:
    """The body of an answer of status 200; else Problem `hub_unavailable`."""
    if answer.status != 200:
        endpoint = settings.hf_endpoint.rstrip("/")
        raise Problem("hub_unavailable", f"{endpoint} answered with {answer.status}; try again later.", status=502)
    return answer.body


def _revision(answer: "Answer") -> str:
    """The commit that the hub itself names; it becomes the name of a folder."""
    commit = answer.trail[0].get("x-repo-commit", "")
    return commit if re.fullmatch(r"[0-9a-f]{40}", commit) else "main"
