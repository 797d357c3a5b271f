"""What jobs leave: events, printed output, files, the report."""

from apiflask import APIBlueprint
from flask import Response, jsonify, send_file

from webapp import workflow
from webapp.api.context import caller, services
from webapp.api.job_bodies import ArtifactsBody, EventBody, EventsBody
from webapp.api.openapi import errors, file_responses
from webapp.api.schemas import EventsQuery

FILE_TYPE = "application/octet-stream"

bp = APIBlueprint("job_files", __name__, tag="Jobs")

_NOT_FOUND = {404: "There is no such job."}


@bp.get("/jobs/<job_id>/events")
@bp.input(EventsQuery, location="query")
@bp.output(EventsBody, description="The next events, oldest first; none when there is no news.")
@bp.doc(operation_id="job_events", responses=errors(_NOT_FOUND | {400: "A parameter is not valid."}))
def job_events(job_id: str, query_data: EventsQuery) -> EventsBody:
    """Read a job's events

    Changes of its state, cells, output: all that come after the `seq` that was seen last.
    """
    found = workflow.job_events(services(), caller(), job_id, query_data.after, query_data.limit)
    return EventsBody([EventBody.model_validate(event, from_attributes=True) for event in found])


@bp.get("/jobs/<job_id>/logs")
@bp.doc(
    operation_id="job_logs",
    responses={200: {"description": "The text.", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    | errors(_NOT_FOUND),
)
def job_logs(job_id: str) -> Response:
    """Read what a run printed

    Of all attempts, one after the other, as far as it is.
    """
    return Response(workflow.job_log(services(), caller(), job_id), mimetype="text/plain")


@bp.get("/jobs/<job_id>/artifacts")
@bp.output(ArtifactsBody, description="The files, by name; none before there are any.")
@bp.doc(operation_id="artifacts", responses=errors(_NOT_FOUND))
def artifacts(job_id: str) -> ArtifactsBody:
    """List the files of a run

    The executed notebook, and in `tunebook-run/` the model, the report and the checkpoints.
    """
    return ArtifactsBody.model_validate(workflow.artifacts(services(), caller(), job_id), from_attributes=True)


# Names have slashes, two in a row too: they are looked up in a list, not made into a path.
@bp.get("/jobs/<job_id>/artifacts/<path:name>", merge_slashes=False)
@bp.doc(
    operation_id="artifact",
    responses=file_responses(FILE_TYPE, "The file.") | errors({404: "There is no such job, or it has no such file."}),
)
def artifact(job_id: str, name: str) -> Response:
    """Fetch a file of a run

    Also in part, with `Range`.
    """
    path = workflow.artifact_file(services(), caller(), job_id, name)
    return send_file(path, mimetype=FILE_TYPE, as_attachment=True, conditional=True, etag=False)


@bp.get("/jobs/<job_id>/report")
@bp.doc(
    operation_id="job_report",
    responses={200: {"description": "The report.", "content": {"application/json": {"schema": {"type": "object"}}}}}
    | errors({404: "There is no such job, or it has no report."}),
)
def job_report(job_id: str) -> Response:
    """Read the report of a run

    What its notebook wrote: losses with intervals, metrics, answers side by side, the machine and the versions.
    """
    return jsonify(workflow.job_report(services(), caller(), job_id))
