"""After a run that failed: the notebook once more, with the settings that its failure asks for."""

from webapp.accounts import Caller
from webapp.errors import Problem
from webapp.notebooks import TrainingConfig
from webapp.storage.tables import Notebook
from webapp.workflow.generating import generate, notebook_state
from webapp.workflow.running import start_dry_run
from webapp.workflow.services import Services


def remake(services: Services, caller: Caller, notebook_id: str) -> Notebook:
    """A new notebook with the change that the failure of the newest dry run names; its dry run is ordered.

    Everything else is as it was. Raises Problem `notebook_not_found`, `nothing_to_change`, or those of `generate`.
    """
    state = notebook_state(services, caller, notebook_id)
    error = state.dry_run.error if state.dry_run else None
    failure = (error or {}).get("details", {}).get("failure") or {}
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
