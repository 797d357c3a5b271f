"""The third step: which base models suit a dataset."""

from collections.abc import Collection, Sequence

from webapp import catalog
from webapp.accounts import Caller
from webapp.catalog import BaseModel, Fitting, Gpu, Profile, Recommendation
from webapp.workflow.analyses import analysis
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
    languages: Collection[str] | None = None,
) -> Recommendation:
    """The base models for an analysed dataset, best first; raises the Problems of `catalog.recommend`."""
    report = analysis(services, caller, dataset_id)
    rates = token_rates(services, caller, dataset_id)
    return catalog.recommend(
        report, task, target, gpu, method, gated=gated, preset=preset, languages=languages, rates=rates
    )


def fittings(
    services: Services,
    caller: Caller,
    dataset_id: str,
    models: Sequence[BaseModel],
    machines: Sequence[Gpu],
    *,
    preset: str,
) -> list[tuple[BaseModel, list[Fitting]]]:
    """Each of the models on each of the machines, with the dataset's rows; raises the Problems of `analysis`."""
    report = analysis(services, caller, dataset_id)
    profile = Profile.of(report, token_rates(services, caller, dataset_id))
    return [(model, catalog.fittings(model, machines, report, profile, preset)) for model in models]
