"""The fourth step: the notebook, made of the chosen model, the settings and the rows; and the way to fetch it."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from webapp.accounts import Caller, audit
from webapp.catalog import BaseModel, find_model
from webapp.errors import Problem
from webapp.hub.cards import PREFIX
from webapp.notebooks import Secret, TrainingConfig, assemble, render
from webapp.notebooks.here import Here, look_here
from webapp.notebooks.preview import PreviewCell, preview
from webapp.notebooks.reading import read_notebook
from webapp.notebooks.script import to_script
from webapp.storage import links
from webapp.storage.tables import Dataset, Notebook, new_id
from webapp.workflow.delivering import data_key, deliver
from webapp.workflow.jobs import JobStatus, describe, latest_job
from webapp.workflow.lookup import find_notebook, hold_dataset
from webapp.workflow.planning import material
from webapp.workflow.services import Services


@dataclass(frozen=True)
class NotebookState:
    """A notebook, the dataset it was made from, and its newest dry run."""

    notebook: Notebook
    dataset: Dataset
    dry_run: JobStatus | None


def generate(
    services: Services,
    caller: Caller,
    dataset_id: str,
    model_id: str,
    wanted: TrainingConfig | None = None,
    *,
    gpu: str | None = None,
    preset: str = "balanced",
    encrypted: bool = False,
) -> Notebook:
    """Renders and keeps a notebook. Settings that `wanted` does not set follow from the data, model, card and preset.

    Its rows are embedded where they fit, else fetched by a link or put beside it. Raises Problem `dataset_not_found`,
    `analysis_pending`, those of `chosen_model`, `require_template`, `plan_run` and `assemble`.
    """
    given = material(services, caller, dataset_id, model_id)
    dataset, model, own_format = given.dataset, given.model, given.own_format()
    plan = given.plan(wanted, gpu, preset)
    notebook_id = new_id()
    notebook = Notebook(
        id=notebook_id,
        owner=dataset.owner,
        dataset_id=dataset.id,
        model_id=model.id,
        config=plan.config.model_dump(),
        gpu=plan.gpu.id,
        colab_gpu=plan.colab.colab,
        blob=f"notebooks/{notebook_id}.ipynb",
        filename=notebook_filename(dataset.filename, model),
        encrypted=encrypted,
    )
    try:
        sent = deliver(services, notebook, Secret.new() if encrypted else None)
        content = render(
            assemble(given.report, given.examples, model, dataset.filename, plan, sent.delivery, own_format)
        )
        notebook.sha256, notebook.data_blob = hashlib.sha256(content).hexdigest(), sent.blob
        with services.blobs.new_file(notebook.blob) as file:
            file.write(content)
        with services.db.session() as session:
            notebook.owner = hold_dataset(session, caller, dataset.id).owner
            session.add(notebook)
            session.flush()
            if sent.link:
                session.add(sent.link)
    except BaseException:
        for blob in (notebook.blob, data_key(notebook.id)):
            services.blobs.delete(blob)
        raise
    return notebook


def notebook_state(services: Services, caller: Caller, notebook_id: str) -> NotebookState:
    """A notebook as it stands; raises Problem `notebook_not_found`."""
    with services.db.reading() as session:
        notebook = find_notebook(session, caller, notebook_id)
        dataset = session.get_one(Dataset, notebook.dataset_id)
        job = latest_job(session, caller, "dry_run", dataset_id=dataset.id, notebook_id=notebook.id)
    return NotebookState(notebook, dataset, describe(job, dataset.filename) if job else None)


def notebook_preview(services: Services, notebook: Notebook, whole: int = 0) -> list[PreviewCell]:
    """The cells of a notebook for a page, code cell `whole` to its end."""
    return preview(services.blobs.path(notebook.blob), whole)


def run_here(services: Services, notebook: Notebook) -> Here:
    """Whether the machine of this process could run the notebook with its real model."""
    known = not notebook.model_id.startswith(PREFIX)
    model = find_model(notebook.model_id) if known else read_notebook(services.blobs.path(notebook.blob)).model
    return look_here(model, notebook.config)


def chat_template(services: Services, notebook: Notebook) -> str:
    """The name of the chat format that the notebook's rows are written in."""
    if not notebook.model_id.startswith(PREFIX):
        return find_model(notebook.model_id).template_family  # reading megabytes of rows would tell the same
    return read_notebook(services.blobs.path(notebook.blob)).family.name


def download_path(services: Services, notebook: Notebook) -> str:
    """A path that fetches the notebook without signing in, until the link expires."""
    return _signed(services, notebook, notebook.filename)


def script_path(services: Services, notebook: Notebook) -> str:
    """The same for the notebook as a script."""
    return _signed(services, notebook, script_filename(notebook.filename))


def _signed(services: Services, notebook: Notebook, filename: str) -> str:
    signature = links.sign(services.secret, notebook.blob, services.settings.link_seconds)
    return f"/download/{notebook.id}.{signature}/{quote(filename)}"


def notebook_file(services: Services, token: str, filename: str, address: str = "") -> Path:
    """The file that a link stands for, under the name of the notebook or of its script, fetched from an address.

    Raises Problem (404) when the link has expired or was never given.
    """
    notebook_id, _, signature = token.partition(".")
    try:
        links.verify(services.secret, f"notebooks/{notebook_id}.ipynb", signature)
    except Problem as problem:
        raise Problem(problem.code, problem.message, status=404) from None
    with services.db.reading() as session:
        notebook = session.get(Notebook, notebook_id)
    known = notebook and filename in (notebook.filename, script_filename(notebook.filename))
    if notebook is None or not known or not services.blobs.exists(notebook.blob):
        raise Problem("notebook_not_found", "There is no notebook at this address.", status=404)
    with services.db.session() as session:
        # Whoever has the link acts for whom it was made for.
        holder = Caller(notebook.owner, address=address)
        audit.record(session, holder, "downloaded", notebook.id, what="notebook", filename=filename)
    return services.blobs.path(notebook.blob)


def notebook_script(services: Services, token: str, filename: str, address: str = "") -> bytes:
    """The same run as a plain script; raises Problem as `notebook_file`."""
    return to_script(notebook_file(services, token, filename, address).read_bytes())


def script_filename(notebook_filename: str) -> str:
    """The name of the script that a notebook is too."""
    return f"{Path(notebook_filename).stem}.py"


def notebook_filename(dataset_filename: str, model: BaseModel) -> str:
    """A name that every file system takes: the dataset's, then the model's."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(dataset_filename).stem).strip("-_")[:80]
    of = re.sub(r"[^A-Za-z0-9_.-]+", "-", model.id.removeprefix(PREFIX))
    return f"{stem or 'dataset'}-{of}.ipynb"
