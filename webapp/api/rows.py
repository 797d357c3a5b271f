"""The rows that a notebook fetches: as a file, by links that expire, and the end of such a link."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response, send_file

from webapp import workflow
from webapp.api.bodies import DataLinksBody
from webapp.api.context import caller, services
from webapp.api.openapi import errors, file_responses

ROWS_TYPE = "application/octet-stream"

bp = APIBlueprint("rows", __name__, tag="Notebooks")

_RANGES = file_responses(ROWS_TYPE, "The rows: JSON lines as gzip, or its ciphertext.")


@bp.get("/data/<token>/<filename>")
@bp.doc(
    operation_id="linked_rows",
    responses=_RANGES
    | errors({404: "The link was never given, or its rows are gone.", 410: "The link has expired or was revoked."}),
)
def linked_rows(token: str, filename: str) -> Response:
    """Fetch the rows by a link

    What a notebook does that does not carry them; it goes on with `Range` after an interruption.
    """
    return _send(workflow.RowsFile(workflow.linked_file(services(), token, filename), filename))


@bp.get("/notebooks/<notebook_id>/data")
@bp.doc(
    operation_id="rows_file",
    responses=_RANGES | errors({404: "There is no such notebook, or it carries encrypted rows."}),
)
def rows_file(notebook_id: str) -> Response:
    """Fetch the rows by hand

    To put them beside the notebook where it has no link to them.
    """
    return _send(workflow.download_rows(services(), caller(), notebook_id))


def _send(file: workflow.RowsFile) -> Response:
    return send_file(
        file.path, mimetype=ROWS_TYPE, as_attachment=True, download_name=file.filename, conditional=True, etag=False
    )


@bp.get("/notebooks/<notebook_id>/links")
@bp.output(DataLinksBody, description="The links that still work.")
@bp.doc(operation_id="data_links", responses=errors({404: "There is no such notebook."}))
def data_links(notebook_id: str) -> dict[str, Any]:
    """List the links to a notebook's rows

    Their addresses are in the notebook only.
    """
    found = workflow.data_links(services(), caller(), notebook_id)
    fields = ("id", "filename", "created_at", "expires_at")
    return {"links": [{name: getattr(link, name) for name in fields} for link in found]}


@bp.delete("/notebooks/<notebook_id>/links/<link_id>")
@bp.output({}, 204, description="It no longer works.")
@bp.doc(operation_id="revoke_link", responses=errors({404: "There is no such notebook or link."}))
def revoke_link(notebook_id: str, link_id: str) -> Any:
    """Revoke a link

    At once and for good; make the notebook again for a new one.
    """
    workflow.revoke_link(services(), caller(), notebook_id, link_id)
    return {}
