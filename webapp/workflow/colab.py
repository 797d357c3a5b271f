"""A notebook is opened in Colab: by a secret gist, by its own link, or with Google's command line.

Colab's forms of links: `gist/{owner}/{id}/{file}`, which is documented, and `#fileId={encoded URL}`, which is not.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from webapp import outbound
from webapp.accounts import Caller
from webapp.errors import Problem
from webapp.notebooks import Delivery, Secret, TrainingConfig, assemble, plan_run, render
from webapp.notebooks.colab_commands import colab_commands_of
from webapp.notebooks.delivery import embed, payload_name
from webapp.notebooks.reading import read_notebook, without_key
from webapp.storage.tables import DataLink, Notebook
from webapp.workflow.analyses import DatasetState, dataset_state, open_examples
from webapp.workflow.data_links import link_works
from webapp.workflow.delivering import deliver_file
from webapp.workflow.generating import download_path
from webapp.workflow.lookup import find_notebook
from webapp.workflow.services import Services

COLAB = "https://colab.research.google.com"
GIST_SECONDS, CHECK_SECONDS = 5.0, 3.0
_ANSWER_BYTES = 16 * 1024 * 1024  # GitHub repeats the files, as far as it shows them
_GIST_ID = re.compile(r"[0-9a-zA-Z]{1,64}")


@dataclass(frozen=True)
class ColabLink:
    """An address that opens the notebook in Colab, or None and the `reason`.

    `commands` do the same without a browser. `key` is what the notebook at `url` asks for when it runs: a gist never
    holds the key of encrypted rows.
    """

    url: str | None
    reason: str | None
    commands: list[str]
    key: str | None = None


def colab_link(services: Services, caller: Caller, notebook_id: str, *, share_rows: bool = False) -> ColabLink:
    """Opens the notebook to Colab as far as the settings allow; asks GitHub or this app itself, 8 seconds at most.

    With GITHUB_TOKEN it makes a secret gist. That holds no rows in the clear unless `share_rows` agrees: they come by a
    link, or encrypted. Raises Problem `notebook_not_found`, `dataset_changed`, `analysis_pending` or what the analysis
    ended with.
    """
    with services.db.reading() as session:
        notebook = find_notebook(session, caller, notebook_id)
    commands, reasons = colab_commands(notebook), []
    if services.settings.github_token:
        try:
            copy = _for_gist(services, caller, notebook, share_rows)
            url = _gist(services, notebook, copy.content)
            if copy.link:
                with services.db.session() as session:
                    session.add(copy.link)
            return ColabLink(url, None, commands, copy.key)
        except Problem as problem:
            reasons.append(words_of_failure(problem))
    if is_https(services):
        try:
            return ColabLink(_by_address(services, notebook), None, commands)
        except Problem as problem:
            reasons.append(words_of_failure(problem))
    reason = " ".join(reasons) or "Neither GITHUB_TOKEN nor an https address in TUNEBOOK_PUBLIC_URL is set."
    return ColabLink(None, reason, commands)


def words_of_failure(problem: Problem) -> str:
    """Why another server was of no help; every other problem is raised again."""
    if problem.status != 502 and problem.code != "address_refused":
        raise problem
    return problem.message


def colab_commands(notebook: Notebook) -> list[str]:
    """Google's command line for this notebook, as its README documents it; run them where the notebook was saved."""
    name = payload_name(notebook.filename, encrypted=notebook.encrypted)
    rows = name if notebook.data_blob else None
    return colab_commands_of(notebook.filename, notebook.colab_gpu, notebook.config["method"], rows)


class _Copy(NamedTuple):
    """A notebook as a gist may hold it, the key that it will ask for, and the link, still to be added, that it uses."""

    content: bytes
    key: str | None = None
    link: DataLink | None = None


def _for_gist(services: Services, caller: Caller, notebook: Notebook, share_rows: bool) -> _Copy:
    content = services.blobs.path(notebook.blob).read_bytes()
    if notebook.encrypted:
        return _Copy(*without_key(content))
    by_link = is_https(services)
    as_it_is = not by_link or _link_works(services, notebook) if notebook.data_blob else share_rows
    if as_it_is:
        return _Copy(content)
    state = _unchanged(services, caller, notebook)
    if by_link:
        sent = deliver_file(services, notebook)
        return _Copy(_rendered(services, notebook, state, sent.delivery), link=sent.link)
    payload = open_examples(services, notebook.dataset_id).payload()
    return _Copy(*without_key(_rendered(services, notebook, state, embed(payload, Secret.new()))))


def _link_works(services: Services, notebook: Notebook) -> bool:
    """Whether the notebook names an address of its rows that still answers with them."""
    address = read_notebook(services.blobs.path(notebook.blob)).data["dataset_url"]
    return bool(address) and link_works(services, address)


def _unchanged(services: Services, caller: Caller, notebook: Notebook) -> DatasetState:
    """The dataset as the notebook was made from it; Problem `dataset_changed` when it is read otherwise by now."""
    state = dataset_state(services, caller, notebook.dataset_id)
    if state.finished().sha256 != read_notebook(services.blobs.path(notebook.blob)).data["dataset_sha256"]:
        raise Problem(
            "dataset_changed",
            "The columns of this dataset were mapped otherwise after the notebook was made. Make the notebook again.",
            status=409,
        )
    return state


def _rendered(services: Services, notebook: Notebook, state: DatasetState, delivery: Delivery) -> bytes:
    """The same notebook with another delivery."""
    examples = open_examples(services, notebook.dataset_id)
    written, report = read_notebook(services.blobs.path(notebook.blob)), state.finished()
    plan = plan_run(report, written.model, TrainingConfig(**notebook.config), gpu=notebook.gpu)
    filename, own_format = state.dataset.filename, written.own_format
    return render(assemble(report, examples, written.model, filename, plan, delivery, own_format))


def is_https(services: Services) -> bool:
    """Whether other machines reach the app by https."""
    return (services.settings.public_url or "").startswith("https://")


def _gist(services: Services, notebook: Notebook, content: bytes) -> str:
    """Makes a secret gist (GitHub's REST API, `POST /gists`) and answers Colab's address of it."""
    settings = services.settings
    token = settings.github_token.get_secret_value().strip() if settings.github_token else ""
    body = {
        "description": "A fine-tuning notebook made by Tunebook",
        "public": False,
        "files": {notebook.filename: {"content": content.decode("utf-8")}},
    }
    answer = outbound.post(
        f"{settings.github_api_url.rstrip('/')}/gists",
        json.dumps(body).encode("utf-8"),
        max_bytes=_ANSWER_BYTES,
        seconds=GIST_SECONDS,
        trusted=settings.github_api_url,
        headers={
            "authorization": f"Bearer {token}",
            "accept": "application/vnd.github+json",
            "content-type": "application/json",
            "x-github-api-version": "2022-11-28",
        },
    )
    if answer.status != 201:
        raise Problem("gist_refused", f"GitHub made no gist: it answered with {answer.status}.", status=502)
    try:
        made = json.loads(answer.body)
        identity, owner = made["id"], made["owner"]["login"]
        if not (_GIST_ID.fullmatch(identity) and isinstance(owner, str)):
            raise ValueError("no id")
    except (KeyError, TypeError, ValueError) as error:
        raise Problem("gist_refused", "GitHub's answer names no gist.", status=502) from error
    return f"{COLAB}/gist/{quote(owner, safe='')}/{identity}/{quote(notebook.filename)}"


def _by_address(services: Services, notebook: Notebook) -> str:
    """Colab's address of the notebook's own link."""
    size = services.blobs.path(notebook.blob).stat().st_size
    return colab_address(services, download_path(services, notebook), size, notebook.sha256)


def colab_address(services: Services, path: str, size: int, sha256: str) -> str:
    """Colab's address of a notebook at a path of this app, once that has been fetched as Colab's page would do it.

    Raises Problem `not_reachable`, or those of `outbound`, unless these bytes are what it gives.
    """
    public = (services.settings.public_url or "").rstrip("/")
    address = f"{public}{path}"
    answer = outbound.get(
        address,
        max_bytes=size,
        seconds=CHECK_SECONDS,
        trusted=public,
        headers={"origin": COLAB},
    )
    if answer.status != 200:
        fault = f"it answers with {answer.status}"
    elif hashlib.sha256(answer.body).hexdigest() != sha256:
        fault = "something else answers there"
    elif answer.trail[-1].get("access-control-allow-origin") not in (COLAB, "*"):
        fault = "it does not let Colab's page read it"
    else:
        return f"{COLAB}/#fileId={quote(address, safe='/')}"
    raise Problem("not_reachable", f"The notebook cannot be opened from {public}: {fault}.", status=502)
