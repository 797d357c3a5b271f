"""How long work stands: `GET /jobs/{id}`."""

from typing import Any

from apiflask import APIBlueprint

from webapp import workflow
from webapp.api.bodies import JobBody
from webapp.api.context import caller, services
from webapp.api.openapi import errors

bp = APIBlueprint("jobs", __name__, tag="Jobs")


@bp.get("/jobs/<job_id>")
@bp.output(JobBody, description="The job as it stands.")
@bp.doc(operation_id="job", responses=errors({404: "There is no such job."}))
def job(job_id: str) -> dict[str, Any]:
    """How a job stands

    An analysis or a dry run, until it is `completed`, `failed` or `cancelled`; `result` holds the report of a run.
    """
    return workflow.job_status(services(), caller(), job_id).to_dict()
