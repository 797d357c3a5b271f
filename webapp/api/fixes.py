"""A dataset is mended, its versions are listed, undone and redone, and its rows are fetched in another format."""

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from flask import Response, send_file

from webapp import workflow
from webapp.api.bodies import PendingBody, VersionsBody
from webapp.api.context import caller, services
from webapp.api.openapi import errors, pending_headers
from webapp.api.schemas import ExportQuery, FixRequest

WAIT_SECONDS = 10.0

bp = APIBlueprint("fixes", __name__, tag="Fixes")

_FILE = {"schema": {"type": "string", "format": "binary"}}
_NOT_FOUND = {404: "There is no such dataset."}


@bp.post("/datasets/<session_id>/fix")
@bp.input(
    FixRequest,
    example={
        "operations": [{"name": "redact"}, {"name": "dedupe", "kind": "near", "keep": "first"}],
        "preview": True,
    },
)
@bp.output(PendingBody, 202, description="The job's result says what was done, and names the version.")
@bp.doc(
    operation_id="fix",
    responses=pending_headers({202: {}}, 202)
    | pending_headers(
        errors(
            {
                400: "An operation is not valid.",
                404: "There is no such dataset.",
                409: "The analysis has not finished yet, or the version has a validation part.",
                413: "You may keep nothing more here.",
            }
        ),
        409,
    ),
)
def fix(session_id: str, json_data: FixRequest) -> Any:
    """Mend a dataset

    Makes a new version by the named operations, in a fixed order, unless there is nothing to change; with `preview` it
    only says what they would do.
    """
    job = workflow.start_fix(services(), caller(), session_id, json_data.operations, preview=json_data.preview)
    return _pending(job)


@bp.get("/datasets/<session_id>/versions")
@bp.output(VersionsBody, description="The versions, oldest first.")
@bp.doc(operation_id="versions", responses=errors(_NOT_FOUND))
def versions(session_id: str) -> dict[str, Any]:
    """List the versions

    The upload and every version made from it, with the operations that made each and its figures.
    """
    return asdict(workflow.versions(services(), caller(), session_id))


@bp.post("/datasets/<session_id>/undo")
@bp.output(VersionsBody, description="The versions, another one in use.")
@bp.doc(operation_id="undo", responses=errors(_NOT_FOUND | {409: "The upload itself is in use."}))
def undo(session_id: str) -> dict[str, Any]:
    """Undo the last fix

    Goes back to the version that the one in use was made from; none is lost.
    """
    return asdict(workflow.undo(services(), caller(), session_id))


@bp.post("/datasets/<session_id>/redo")
@bp.output(VersionsBody, description="The versions, another one in use.")
@bp.doc(operation_id="redo", responses=errors(_NOT_FOUND | {409: "Nothing was made from the version in use."}))
def redo(session_id: str) -> dict[str, Any]:
    """Redo a fix

    Goes forward again, to the newest version that was made from the one in use.
    """
    return asdict(workflow.redo(services(), caller(), session_id))


@bp.get("/datasets/<session_id>/export")
@bp.input(ExportQuery, location="query")
@bp.output(PendingBody, 202, description="The file is being written; ask again for it.")
@bp.doc(
    operation_id="export",
    responses={
        200: {
            "description": "The rows.",
            "content": {"application/jsonl": _FILE, "application/vnd.apache.parquet": _FILE},
        }
    }
    | pending_headers({202: {}}, 202)
    | pending_headers(
        errors(
            {
                400: "The format cannot hold some of the rows, a parameter is not valid, or the analysis failed.",
                404: "There is no such dataset, or it has no validation part.",
                409: "The analysis has not finished yet.",
            }
        ),
        409,
    ),
)
def export(session_id: str, query_data: ExportQuery) -> Any:
    """Export the rows

    The valid examples as JSON lines, ShareGPT, Alpaca or Parquet. Waits up to ten seconds for the file.
    """
    found = workflow.export_dataset(services(), caller(), session_id, query_data.format, query_data.part, WAIT_SECONDS)
    return _pending(found.job) if found.job else hand_out(found)


def hand_out(found: workflow.Exported) -> Response:
    """The exported file as a download."""
    return send_file(
        found.path, mimetype=found.media_type, as_attachment=True, download_name=found.filename, conditional=False
    )


def _pending(job: workflow.JobStatus) -> Any:
    return {"status": job.status, "status_url": job.url}, 202, {"Retry-After": "1"}
