"""Memory, time and cost before anything is started; for a dataset also of the whole run."""

from webapp import catalog
from webapp.accounts import Caller
from webapp.catalog import Estimate, Method, RunPlan
from webapp.workflow.analyses import analysis
from webapp.workflow.choosing import base_model
from webapp.workflow.services import Services


def estimate(
    services: Services,
    caller: Caller,
    *,
    model_id: str,
    method: Method,
    gpu: str,
    length: int,
    batch: int,
    rank: int = 16,
    checkpointing: bool = True,
    dataset_id: str | None = None,
    epochs: int = 3,
) -> Estimate:
    """The estimate of `catalog.estimate`; with a dataset, also of training on it for so many epochs.

    Raises Problem `unknown_gpu`, `method_unavailable`, `invalid_length`, and those of `chosen_model` and `analysis`.
    """
    return catalog.estimate(
        base_model(services, model_id),
        catalog.find_gpu(gpu),
        method,
        length=length,
        batch=batch,
        rank=rank,
        checkpointing=checkpointing,
        analysis=analysis(services, caller, dataset_id) if dataset_id is not None else None,
        plan=RunPlan(epochs=epochs),
    )
