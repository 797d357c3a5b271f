"""A dataset is analysed again: with the answer which of its columns plays which part, or because no analysis ended."""

from collections.abc import Mapping

from webapp.accounts import Caller
from webapp.datasets import checked_mapping
from webapp.errors import Problem
from webapp.workflow.jobs import JobStatus, describe, latest_job
from webapp.workflow.lookup import hold_dataset
from webapp.workflow.services import Services
from webapp.workflow.uploads import start_analysis


def map_columns(services: Services, caller: Caller, dataset_id: str, mapping: Mapping[str, str]) -> JobStatus:
    """Has the dataset analysed again with this mapping (column to part); what was known of it is forgotten.

    Raises Problem `dataset_not_found`, `invalid_mapping`, or `analysis_pending` as long as an analysis is under way.
    """
    with services.db.session() as session:
        dataset = hold_dataset(session, caller, dataset_id)
        checked_mapping(mapping)
        last = latest_job(session, caller, "analysis", dataset_id=dataset.id)
        if last is not None and not (status := describe(last, dataset.filename)).finished:
            raise Problem(
                "analysis_pending",
                "The analysis of this dataset has not finished yet; map its columns when it has.",
                status=409,
                details={"retry_after": 1, "status_url": status.url},
            )
        dataset.analysis = None
        return describe(start_analysis(session, dataset, mapping), dataset.filename)


def analyse_again(services: Services, caller: Caller, dataset_id: str) -> None:
    """Orders the analysis of a dataset anew, with the same mapping, where the last one was cancelled or failed.

    Nothing changes where there is a report, or will be. Raises Problem `dataset_not_found`.
    """
    with services.db.session() as session:
        dataset = hold_dataset(session, caller, dataset_id)
        last = latest_job(session, caller, "analysis", dataset_id=dataset.id)
        if last is not None and last.status in ("cancelled", "failed") and dataset.analysis is None:
            start_analysis(session, dataset, last.params.get("map"))
