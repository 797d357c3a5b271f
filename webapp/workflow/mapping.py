"""The answer to a question of the analysis: which column of a dataset plays which part."""

from collections.abc import Mapping

from webapp.accounts import Caller
from webapp.datasets import checked_mapping
from webapp.errors import Problem
from webapp.workflow.analyses import dataset_state
from webapp.workflow.jobs import JobStatus, describe
from webapp.workflow.lookup import find_dataset
from webapp.workflow.services import Services
from webapp.workflow.uploads import start_analysis


def map_columns(services: Services, caller: Caller, dataset_id: str, mapping: Mapping[str, str]) -> JobStatus:
    """Has the dataset analysed again with this mapping (column to part); what was known of it is forgotten.

    Raises Problem `dataset_not_found`, `invalid_mapping`, or `analysis_pending` as long as an analysis is under way.
    """
    state = dataset_state(services, caller, dataset_id)
    checked_mapping(mapping)
    if state.pending and state.job:
        raise Problem(
            "analysis_pending",
            "The analysis of this dataset has not finished yet; map its columns when it has.",
            status=409,
            details={"retry_after": 1, "status_url": state.job.url},
        )
    with services.db.session() as session:
        dataset = find_dataset(session, caller, dataset_id)
        dataset.analysis = None
        return describe(start_analysis(session, dataset, mapping), dataset.filename)
