"""Datasets come in: `POST /upload`, and the bundled sample."""

from typing import Any

from apiflask import APIBlueprint
from flask import request

from webapp import workflow
from webapp.api.bodies import UploadBody
from webapp.api.context import caller, services
from webapp.api.multipart import read_file_part
from webapp.api.openapi import errors
from webapp.storage.tables import Dataset

bp = APIBlueprint("uploads", __name__, tag="Datasets")


@bp.post("/upload")
@bp.output(UploadBody, description="The file is kept, and its analysis has been ordered.")
@bp.doc(
    operation_id="upload",
    responses=errors({400: "No file, an empty one, or one that is not UTF-8.", 413: "The file is over the limit."}),
)
def upload() -> dict[str, Any]:
    """Upload a dataset

    JSON lines of OpenAI `messages` conversations, UTF-8, in a multipart part named `file`.
    """
    return _receipt(receive_upload())


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
    part = read_file_part(request, services().settings.max_upload_bytes)
    return workflow.upload(services(), caller(), part.filename, part.chunks)


def _receipt(dataset: Dataset) -> dict[str, Any]:
    return {
        "session_id": dataset.id,
        "filename": dataset.filename,
        "size": dataset.size,
        "message": "Upload successful",
    }
