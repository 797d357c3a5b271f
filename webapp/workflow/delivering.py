"""How a notebook's rows leave the app: in it, by a link that expires, or as a file that a person carries."""

import base64
from pathlib import Path
from typing import NamedTuple

from webapp.accounts import Caller, audit
from webapp.errors import Problem
from webapp.notebooks import Delivery, Secret
from webapp.notebooks.delivery import describe_file, embed, encrypt, fits, payload_name
from webapp.notebooks.reading import read_notebook
from webapp.storage.tables import DataLink, Notebook
from webapp.workflow.analyses import open_examples
from webapp.workflow.data_links import new_link
from webapp.workflow.lookup import canonical_id, find_notebook
from webapp.workflow.services import Services


class Sent(NamedTuple):
    """A delivery, the stored file that it is (None: embedded), and the link to that, still to be added."""

    delivery: Delivery
    blob: str | None = None
    link: DataLink | None = None


def data_key(notebook_id: str) -> str:
    """Where a notebook's rows are kept when they are a file."""
    return f"notebooks/{notebook_id}.data"


def deliver(services: Services, notebook: Notebook, secret: Secret | None) -> Sent:
    """The rows of the notebook's dataset: embedded where they fit, else as a file."""
    payload = open_examples(services, notebook.dataset_id).payload()
    return Sent(embed(payload, secret)) if fits(payload) else deliver_file(services, notebook, secret)


def deliver_file(services: Services, notebook: Notebook, secret: Secret | None = None) -> Sent:
    """The rows as a file: by a link when other machines reach the app, else by hand.

    The file is the notebook's own, and stays what it is when the dataset's columns are mapped otherwise. Ciphertext is
    written 1 MiB at a time; rows in the clear share the dataset's place on disk.
    """
    payload = open_examples(services, notebook.dataset_id).payload()
    blob = data_key(notebook.id)
    if secret:
        with payload.open("rb") as source, services.blobs.new_file(blob) as target:
            encrypt(source, secret, target)
    elif not services.blobs.exists(blob):
        services.blobs.keep(payload, blob)
    name = payload_name(notebook.filename, encrypted=secret is not None)
    link, url = new_link(services, notebook, blob, name) if services.settings.public_url else (None, None)
    key = secret.text if secret else None
    return Sent(describe_file(services.blobs.path(blob), name, url=url, key=key), blob, link)


class RowsFile(NamedTuple):
    """A notebook's rows as a file to hand out."""

    path: Path
    filename: str


def rows_file(services: Services, caller: Caller, notebook_id: str) -> RowsFile:
    """A notebook's rows as a file: those in the clear that it carries too, which a copy of it may want.

    Raises Problem `notebook_not_found`, or `rows_embedded` when the notebook carries them encrypted.
    """
    with services.db.reading() as session:
        notebook = find_notebook(session, caller, notebook_id)
    blob = notebook.data_blob or data_key(notebook.id)
    if notebook.data_blob is None and notebook.encrypted:
        raise Problem("rows_embedded", "This notebook carries its rows encrypted: there is no file.", status=404)
    if not services.blobs.exists(blob) and notebook.data_blob is None:
        carried = read_notebook(services.blobs.path(notebook.blob)).data["dataset_base64"]
        with services.blobs.new_file(blob) as file:
            file.write(base64.b64decode(carried))
    return RowsFile(services.blobs.path(blob), payload_name(notebook.filename, encrypted=notebook.encrypted))


def download_rows(services: Services, caller: Caller, notebook_id: str) -> RowsFile:
    """The same, written down as a download."""
    found = rows_file(services, caller, notebook_id)
    with services.db.session() as session:
        audit.record(session, caller, "downloaded", canonical_id(notebook_id), what="rows", filename=found.filename)
    return found
