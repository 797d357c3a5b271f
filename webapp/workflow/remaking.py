"""After a run that failed: the notebook once more, with the settings that its failure asks for."""

from webapp.accounts import Caller
from webapp.errors import Problem
from webapp.notebooks import TrainingConfig
from webapp.storage.tables import Notebook
from webapp.workflow.generating import generate, notebook_state
from webapp.workflow.jobs import job_status
from webapp.workflow.running import start_dry_run
from webapp.workflow.services import Services


def remake(services: Services, caller: Caller, notebook_id: str, job_id: str | None = None) -> Notebook:
    """A new notebook with the change that the failure of the newest dry run names, or that of the run `job_id`.

    Everything else is as it was; its dry run is ordered. Raises Problem `notebook_not_found`, `job_not_found`,
    `nothing_to_change`, or those of `generate`.
    """
    state = notebook_state(services, caller, notebook_id)
    job = job_status(services, caller, job_id) if job_id else state.dry_run
    error = job.error if job and job.notebook_id == state.notebook.id else None
    failure = ((error or {}).get("details") or {}).get("failure") or {}
    if not failure.get("change"):
        raise Problem("nothing_to_change", "No other setting is known that this notebook would run with.", status=409)
    notebook = state.notebook
    made = generate(
        services,
        caller,
        notebook.dataset_id,
        notebook.model_id,
        TrainingConfig(**notebook.config | failure["change"]),
        gpu=notebook.gpu,
        encrypted=notebook.encrypted,
    )
    start_dry_run(services, caller, made.id)
    return made
