"""The third step: which base models suit a dataset."""

from webapp import catalog
from webapp.accounts import Caller
from webapp.catalog import Recommendation
from webapp.notebooks import Plan, plan_run
from webapp.workflow.analyses import analysis
from webapp.workflow.choosing import base_model
from webapp.workflow.findings import token_rates
from webapp.workflow.services import Services


def recommend(
    services: Services,
    caller: Caller,
    dataset_id: str,
    *,
    task: str,
    target: str,
    gpu: str = "t4",
    method: str | None = None,
    gated: str = "last",
    preset: str = "balanced",
) -> Recommendation:
    """The base models for an analysed dataset, best first; raises the Problems of `catalog.recommend`."""
    report = analysis(services, caller, dataset_id)
    rates = token_rates(services, caller, dataset_id)
    return catalog.recommend(report, task, target, gpu, method, gated=gated, preset=preset, rates=rates)


def suggested_plan(
    services: Services, caller: Caller, dataset_id: str, model_id: str, *, gpu: str | None, preset: str
) -> Plan:
    """The plan for a model of which nothing is set; raises the Problems of `generate`."""
    rates = token_rates(services, caller, dataset_id)
    return plan_run(
        analysis(services, caller, dataset_id), base_model(services, model_id), gpu=gpu, preset=preset, rates=rates
    )
