"""How a notebook's rows leave the app: in it, by a link that expires, or as a file that a person carries."""

from pathlib import Path
from typing import NamedTuple

from webapp.accounts import Caller
from webapp.datasets import PAYLOAD
from webapp.errors import Problem
from webapp.notebooks import Delivery, Secret
from webapp.notebooks.delivery import describe_file, embed, encrypt, fits, payload_name
from webapp.storage.tables import DataLink, Notebook
from webapp.workflow.analyses import examples_key, open_examples
from webapp.workflow.data_links import new_link
from webapp.workflow.lookup import find_notebook
from webapp.workflow.services import Services


class Sent(NamedTuple):
    """A delivery, the stored file that it is (None: embedded), and the link to that, still to be added."""

    delivery: Delivery
    blob: str | None = None
    link: DataLink | None = None


def deliver(services: Services, notebook: Notebook, secret: Secret | None) -> Sent:
    """The rows of the notebook's dataset: embedded where they fit, else as a file."""
    payload = open_examples(services, notebook.dataset_id).payload()
    return Sent(embed(payload, secret)) if fits(payload) else deliver_file(services, notebook, secret)


def deliver_file(services: Services, notebook: Notebook, secret: Secret | None = None) -> Sent:
    """The rows as a file: by a link when other machines reach the app, else by hand.

    Rows in the clear are stored once a dataset; each ciphertext belongs to one notebook. It is written 1 MiB at a time.
    """
    payload = open_examples(services, notebook.dataset_id).payload()
    blob = f"{examples_key(notebook.dataset_id)}/{PAYLOAD}"
    if secret:
        blob = f"notebooks/{notebook.id}.data"
        with payload.open("rb") as source, services.blobs.new_file(blob) as target:
            encrypt(source, secret, target)
    name = payload_name(notebook.filename, encrypted=secret is not None)
    link, url = new_link(services, notebook, blob, name) if services.settings.public_url else (None, None)
    key = secret.text if secret else None
    return Sent(describe_file(services.blobs.path(blob), name, url=url, key=key), blob, link)


class RowsFile(NamedTuple):
    """A notebook's rows as a file to hand out."""

    path: Path
    filename: str


def rows_file(services: Services, caller: Caller, notebook_id: str) -> RowsFile:
    """The file of a notebook's rows; raises Problem `notebook_not_found`, or `rows_embedded` when there is none."""
    with services.db.reading() as session:
        notebook = find_notebook(session, caller, notebook_id)
    if notebook.data_blob is None:
        raise Problem("rows_embedded", "This notebook carries its rows; there is no file of them.", status=404)
    return RowsFile(
        services.blobs.path(notebook.data_blob), payload_name(notebook.filename, encrypted=notebook.encrypted)
    )
