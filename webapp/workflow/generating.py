"""The fourth step: the notebook, made of the chosen model, the settings and the rows; and the way to fetch it."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from webapp.accounts import Caller
from webapp.catalog import BATCH_SIZE, LORA_RANK, BaseModel, estimate_memory, find_gpu, find_model, make_plan
from webapp.datasets import MAX_EMBEDDED_BYTES, MIN_TRAIN_EXAMPLES, Analysis
from webapp.errors import Problem
from webapp.notebooks import NotebookSpec, TrainingConfig, render, suggest_config
from webapp.storage import links
from webapp.storage.tables import Dataset, Notebook, new_id
from webapp.workflow.analyses import dataset_state, open_examples
from webapp.workflow.jobs import JobStatus, describe, latest_job
from webapp.workflow.lookup import find_notebook
from webapp.workflow.services import Services

_UUID_LENGTH = 36


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
) -> Notebook:
    """Renders and keeps a notebook. Settings that `wanted` does not set follow from the data and the model.

    Raises Problem `dataset_not_found`, `model_not_found`, `analysis_pending`, `too_few_examples`,
    `dataset_too_large_to_embed` or `max_seq_length_too_long`.
    """
    state = dataset_state(services, caller, dataset_id)
    model = find_model(model_id)
    report = state.finished()
    config = effective_config(report, model, wanted)
    spec = NotebookSpec(
        model=model,
        config=config,
        filename=state.dataset.filename,
        examples=report.total_examples,
        sha256=report.sha256,
        payload=_payload(services, state.dataset.id, report),
    )
    content = render(spec)
    notebook_id = new_id()
    notebook = Notebook(
        id=notebook_id,
        owner=caller.id,
        dataset_id=state.dataset.id,
        model_id=model.id,
        config=config.model_dump(),
        blob=f"notebooks/{notebook_id}.ipynb",
        filename=notebook_filename(state.dataset.filename, model),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    with services.blobs.new_file(notebook.blob) as file:
        file.write(content)
    with services.db.session() as session:
        session.add(notebook)
    return notebook


def effective_config(report: Analysis, model: BaseModel, wanted: TrainingConfig | None) -> TrainingConfig:
    """What is suggested for this data and model, with what the person has set put over it."""
    chosen = wanted.model_dump(exclude_unset=True) if wanted else {}
    method = chosen.get("method") or suggest_method(report, model)
    config = TrainingConfig(**(suggest_config(report, model, method) | chosen))
    if config.max_seq_length > model.context_length:
        raise Problem(
            "max_seq_length_too_long",
            f"max_seq_length is {config.max_seq_length:,}; the context of {model.name} ends at "
            f"{model.context_length:,} tokens.",
            param="training_config.max_seq_length",
        )
    return config


def suggest_method(report: Analysis, model: BaseModel) -> Literal["lora", "qlora"]:
    """LoRA where it fits on the T4 that the notebook asks Colab for, else QLoRA."""
    plan = make_plan(report, find_gpu("t4"), ("lora", "qlora"))
    fitting = estimate_memory(
        model,
        gpu=plan.gpu,
        method="lora",
        batch_size=BATCH_SIZE,
        max_seq_length=min(plan.max_seq_length, model.context_length),
        lora_rank=LORA_RANK,
    )
    return "lora" if fitting.fits else "qlora"


def notebook_state(services: Services, caller: Caller, notebook_id: str) -> NotebookState:
    """A notebook as it stands; raises Problem `notebook_not_found`."""
    with services.db.reading() as session:
        notebook = find_notebook(session, caller, notebook_id)
        dataset = session.get_one(Dataset, notebook.dataset_id)
        job = latest_job(session, caller, "dry_run", dataset_id=dataset.id, notebook_id=notebook.id)
    return NotebookState(notebook, dataset, describe(job, dataset.filename) if job else None)


def download_path(services: Services, notebook: Notebook) -> str:
    """A path that fetches the notebook without signing in, until the link expires."""
    signature = links.sign(services.secret, notebook.blob, services.settings.link_seconds)
    return f"/download/{notebook.id}.{signature}/{quote(notebook.filename)}"


def notebook_file(services: Services, token: str, filename: str) -> Path:
    """The file that a link stands for; raises Problem (404) when the link has expired or was never given."""
    notebook_id, signature = token[:_UUID_LENGTH], token[_UUID_LENGTH + 1 :]
    try:
        links.verify(services.secret, f"notebooks/{notebook_id}.ipynb", signature)
    except Problem as problem:
        raise Problem(problem.code, problem.message, status=404) from None
    with services.db.reading() as session:
        notebook = session.get(Notebook, notebook_id)
    if notebook is None or notebook.filename != filename or not services.blobs.exists(notebook.blob):
        raise Problem("notebook_not_found", "There is no notebook at this address.", status=404)
    return services.blobs.path(notebook.blob)


def notebook_filename(dataset_filename: str, model: BaseModel) -> str:
    """A name that every file system takes: the dataset's, then the model's."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(dataset_filename).stem).strip("-_")[:80]
    return f"{stem or 'dataset'}-{model.id}.ipynb"


def _payload(services: Services, dataset_id: str, report: Analysis) -> bytes:
    if report.total_examples < MIN_TRAIN_EXAMPLES:
        raise Problem(
            "too_few_examples",
            f"The dataset has {report.total_examples} valid examples; training needs at least "
            f"{MIN_TRAIN_EXAMPLES}, and 50 or more to learn something.",
            param="session_id",
            details={"total_examples": report.total_examples, "minimum": MIN_TRAIN_EXAMPLES},
        )
    payload = open_examples(services, dataset_id).payload()
    if payload is None:
        raise Problem(
            "dataset_too_large_to_embed",
            f"The {report.total_examples:,} examples ({report.total_tokens:,} tokens) take more than "
            f"{MAX_EMBEDDED_BYTES / 1e6:g} MB when compressed, the most a notebook can carry. Train on a part of "
            "them: upload a smaller file.",
            param="session_id",
            details={"limit_bytes": MAX_EMBEDDED_BYTES, "total_examples": report.total_examples},
        )
    return payload
