"""Runs and other long work: ordered, listed, started, changed, called off, taken up again, deleted."""

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint

from webapp import workflow
from webapp.api.context import caller, services
from webapp.api.job_bodies import DeletedJobBody, JobBody, JobsBody, ListedJobBody
from webapp.api.openapi import errors, pending_headers
from webapp.api.paging import LINK_HEADER, next_page
from webapp.api.schemas import EXAMPLE_ID, ChangeJobRequest, CreateJobRequest, JobsQuery

bp = APIBlueprint("jobs", __name__, tag="Jobs")

_NOT_FOUND = {404: "There is no such job."}


@bp.get("/jobs")
@bp.input(JobsQuery, location="query")
@bp.output(JobsBody, description="Runs and dry runs, newest first.")
@bp.doc(operation_id="jobs", responses={200: {"headers": LINK_HEADER}} | errors({400: "A parameter is not valid."}))
def jobs(query_data: JobsQuery) -> Any:
    """List the runs

    Page by page: the `Link` header leads to the next one. What a run measured is in `GET /jobs/{job_id}`.
    """
    page = workflow.list_runs(
        services(),
        caller(),
        status=query_data.status,
        kind=query_data.kind,
        executor=query_data.executor,
        dataset_id=query_data.session_id,
        limit=query_data.limit,
        after=query_data.after,
    )
    fields = ListedJobBody.model_fields
    listed = [{name: item for name, item in job.to_dict().items() if name in fields} for job in page.jobs]
    return JobsBody.model_validate(listed), next_page("/jobs", page.next)


@bp.post("/jobs")
@bp.input(
    CreateJobRequest,
    example={"session_id": EXAMPLE_ID, "notebook_id": EXAMPLE_ID, "kind": "run", "name": "First try", "start": True},
)
@bp.output(JobBody, 201, description="The job, `created` or `queued`; `Location` is its address.")
@bp.doc(operation_id="create_job", responses=errors({404: "There is no such dataset, or it has no such notebook."}))
def create_job(json_data: CreateJobRequest) -> Any:
    """Order a run

    Of a notebook on this machine, with its real model (`run`) or a miniature of it (`dry_run`). Without `start` it
    waits for `POST /jobs/{job_id}/run`.
    """
    job = workflow.create_run(
        services(),
        caller(),
        json_data.session_id,
        json_data.notebook_id,
        json_data.kind,
        executor=json_data.executor,
        name=json_data.name,
        note=json_data.note,
        timeout=json_data.timeout_s,
    )
    if json_data.start:
        job = workflow.start_run(services(), caller(), job.id)
    return job.to_dict(), 201, {"Location": job.url}


@bp.get("/jobs/<job_id>")
@bp.output(JobBody, description="The job as it stands.")
@bp.doc(operation_id="job", responses=errors(_NOT_FOUND))
def job(job_id: str) -> dict[str, Any]:
    """How a job stands

    A run, an analysis or other long work, until it is `completed`, `failed` or `cancelled`; `result` holds the report
    of a run.
    """
    return workflow.job_status(services(), caller(), job_id).to_dict()


@bp.patch("/jobs/<job_id>")
@bp.input(ChangeJobRequest, example={"name": "First try", "timeout_s": 7200})
@bp.output(JobBody, description="The job as it is now.")
@bp.doc(
    operation_id="change_job",
    responses=errors(
        {
            400: "A field is not valid, or a status was given.",
            409: "The job is running and its time was to change, or it runs no notebook.",
        }
        | _NOT_FOUND
    ),
)
def change_job(job_id: str, json_data: ChangeJobRequest) -> dict[str, Any]:
    """Name a run, or say how long it may take

    Null takes a name or a note away, and gives back the usual time. A status is never set.
    """
    changes = json_data.model_dump(exclude_unset=True)
    return workflow.change_run(services(), caller(), job_id, changes).to_dict()


@bp.delete("/jobs/<job_id>")
@bp.output(DeletedJobBody, description="What was deleted.")
@bp.doc(operation_id="delete_job", responses=errors(_NOT_FOUND | {409: "The job is running, or it runs no notebook."}))
def delete_job(job_id: str) -> dict[str, Any]:
    """Delete a run

    With its events and its files; the notebook stays.
    """
    return {"deleted": asdict(workflow.delete_run(services(), caller(), job_id))}


_QUEUED = pending_headers({202: {}}, 202)


@bp.post("/jobs/<job_id>/run")
@bp.output(JobBody, 202, description="The job is queued; `status_url` says how far it is.")
@bp.doc(operation_id="run_job", responses=_QUEUED | errors(_NOT_FOUND | {409: "The job is not `created`."}))
def run_job(job_id: str) -> Any:
    """Start a created job"""
    return workflow.start_run(services(), caller(), job_id).to_dict(), 202, {"Retry-After": "1"}


@bp.post("/jobs/<job_id>/cancel")
@bp.output(JobBody, description="The job, `cancelled` or about to stop.")
@bp.doc(operation_id="cancel_job", responses=errors(_NOT_FOUND | {409: "The job has completed or failed."}))
def cancel_job(job_id: str) -> dict[str, Any]:
    """Cancel a job

    At once when it waits; one that runs stops within seconds and keeps its files. Cancelling twice is fine.
    """
    return workflow.cancel_job(services(), caller(), job_id).to_dict()


@bp.post("/jobs/<job_id>/resume")
@bp.output(JobBody, 202, description="The job is queued again; `status_url` says how far it is.")
@bp.doc(
    operation_id="resume_job",
    responses=_QUEUED | errors(_NOT_FOUND | {409: "The job has not failed or been cancelled, or runs no notebook."}),
)
def resume_job(job_id: str) -> Any:
    """Take a run up again

    One that failed or was cancelled, as a new attempt that goes on from its last checkpoint.
    """
    return workflow.resume_run(services(), caller(), job_id).to_dict(), 202, {"Retry-After": "1"}
