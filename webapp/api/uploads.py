"""Datasets come in: as a form's file, as the body itself, and the bundled sample."""

from typing import Any

import msgspec
from apiflask import APIBlueprint
from flask import request

from webapp import workflow
from webapp.api.bodies import UploadBody
from webapp.api.context import caller, services
from webapp.api.multipart import read_file_part
from webapp.api.openapi import errors
from webapp.api.receiving import body_chunks
from webapp.api.schemas import UploadQuery
from webapp.datasets import PARTS, Part
from webapp.errors import Problem
from webapp.storage.tables import Dataset

bp = APIBlueprint("uploads", __name__, tag="Datasets")

_REFUSALS = {
    400: "No file, an empty one, UTF-16, or a mapping that makes no format.",
    408: "The file comes too slowly.",
    413: "The file is over the limit, or does not fit into what you may still keep here.",
}


@bp.post("/upload")
@bp.output(UploadBody, description="The file is kept, and its analysis has been ordered.")
@bp.doc(operation_id="upload", responses=errors(_REFUSALS))
def upload() -> dict[str, Any]:
    """Upload a dataset

    JSON lines, JSON, CSV, TSV or Parquet, also gzip or zstd, in a multipart part named `file`. A part `map`
    says which column is what, where names do not tell.
    """
    return _receipt(receive_upload())


@bp.put("/upload")
@bp.input(UploadQuery, location="query")
@bp.output(UploadBody, description="The file is kept, and its analysis has been ordered.")
@bp.doc(operation_id="upload_raw", responses=errors(_REFUSALS))
def upload_raw(query_data: UploadQuery) -> dict[str, Any]:
    """Upload a dataset as the body

    The same without a form around it, also in chunks of which nobody knows the number.
    """
    dataset = workflow.upload(
        services(),
        caller(),
        query_data.filename,
        body_chunks(request),
        lambda: _mapping(query_data.map),
        announced=request.content_length or 0,
    )
    return _receipt(dataset)


@bp.post("/samples/harbour-bikes")
@bp.output(UploadBody, description="The sample is there as a dataset of yours.")
@bp.doc(operation_id="upload_sample")
def upload_sample() -> dict[str, Any]:
    """Use the bundled sample

    300 support conversations of a bicycle hire, as if you had uploaded them.
    """
    return _receipt(workflow.upload_sample(services(), caller()))


def receive_upload() -> Dataset:
    """Streams the file of this request into the store; used by the API and the pages."""
    part = read_file_part(request)
    return workflow.upload(
        services(), caller(), part.filename, part.chunks, lambda: _mapping(part.mapping), announced=part.announced
    )


def _mapping(text: str | None) -> dict[str, Part] | None:
    """The mapping that a form's field holds."""
    try:
        return None if text is None else msgspec.json.decode(text, type=dict[str, Part])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        what = f'Write map as a JSON object of columns and parts ({", ".join(PARTS)}), as in {{"question": "prompt"}}.'
        raise Problem("invalid_mapping", what, param="map") from error


def _receipt(dataset: Dataset) -> dict[str, Any]:
    return {
        "session_id": dataset.id,
        "filename": dataset.filename,
        "size": dataset.size,
        "message": "Upload successful",
        "expires_at": dataset.expires_at,
    }
