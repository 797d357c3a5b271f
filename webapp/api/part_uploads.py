"""OpenAI's Uploads API: a dataset comes in parts, and goes on after a dropped connection."""

from typing import Any

from apiflask import APIBlueprint
from flask import request

from webapp import workflow
from webapp.api.context import caller, services
from webapp.api.multipart import read_file_part
from webapp.api.openapi import errors
from webapp.api.upload_bodies import (
    BeginUploadRequest,
    CompleteUploadRequest,
    PartBody,
    PartUploadBody,
    PartUploadStateBody,
)
from webapp.storage.tables import UploadPart
from webapp.workflow import UploadState

bp = APIBlueprint("part_uploads", __name__, tag="Uploads in parts", url_prefix="/v1")

_NOT_FOUND = {404: "There is no such upload."}
_ENDED = {409: "The upload is completed, or about to be, cancelled or expired."}


@bp.post("/uploads")
@bp.input(
    BeginUploadRequest,
    example={"bytes": 1073741824, "filename": "support.jsonl", "mime_type": "text/jsonl", "purpose": "fine-tune"},
)
@bp.output(PartUploadBody, description="The upload, `pending` until an hour after its last part.")
@bp.doc(
    operation_id="begin_upload",
    responses=errors({413: "The file is over the limit, or does not fit into what you may still keep here."}),
)
def begin(json_data: BeginUploadRequest) -> dict[str, Any]:
    """Begin an upload in parts

    As OpenAI's: its SDKs, with this server's `/v1` as their base address, need no change.
    """
    state = workflow.begin_upload(
        services(),
        caller(),
        size=json_data.bytes,
        filename=json_data.filename,
        mime_type=json_data.mime_type,
        purpose=json_data.purpose,
    )
    return _upload(state)


@bp.get("/uploads/<upload_id>")
@bp.output(PartUploadStateBody, description="The upload, and the parts that are there, oldest first.")
@bp.doc(operation_id="show_upload", responses=errors(_NOT_FOUND))
def show(upload_id: str) -> dict[str, Any]:
    """How an upload stands

    After a dropped connection: send the parts that are missing.
    """
    state = workflow.upload_state(services(), caller(), upload_id)
    parts = [_part(part) | {"bytes": part.size, "sha256": part.sha256} for part in state.parts]
    return _upload(state) | {"parts": parts}


@bp.post("/uploads/<upload_id>/parts")
@bp.output(PartBody, description="The part is kept.")
@bp.doc(
    operation_id="add_part",
    responses=errors(
        {
            400: "No part, or an empty one.",
            408: "The part comes too slowly.",
            413: "It has more than 64 MiB, or all parts together more bytes than announced.",
        }
        | _NOT_FOUND
        | _ENDED
    ),
)
def add_part(upload_id: str) -> dict[str, Any]:
    """Add a part

    At most 64 MiB, as the form's file `data`. In any order, also side by side; one that is sent twice does no harm.
    """
    part = read_file_part(request, "data")
    return _part(workflow.add_part(services(), caller(), upload_id, part.chunks))


@bp.post("/uploads/<upload_id>/complete")
@bp.input(CompleteUploadRequest, example={"part_ids": ["3b0c9a52-6a3e-4f0e-9d0c-2f4f6d7c1a10"]})
@bp.output(PartUploadBody, description="`file.id` is the dataset, whose analysis has been ordered.")
@bp.doc(operation_id="complete_upload", responses=errors(_NOT_FOUND | _ENDED))
def complete(upload_id: str, json_data: CompleteUploadRequest) -> dict[str, Any]:
    """Put the parts together

    In the order of `part_ids`, to the number of bytes that was announced. Completing twice is fine; who asks meanwhile
    is told to ask again.
    """
    return _upload(workflow.complete_upload(services(), caller(), upload_id, json_data.part_ids, json_data.md5))


@bp.post("/uploads/<upload_id>/cancel")
@bp.output(PartUploadBody, description="The upload, `cancelled`.")
@bp.doc(operation_id="cancel_upload", responses=errors(_NOT_FOUND | {409: "The upload is completed."}))
def cancel(upload_id: str) -> dict[str, Any]:
    """Call an upload off

    Its parts are deleted. Cancelling twice is fine.
    """
    return _upload(workflow.cancel_upload(services(), caller(), upload_id))


def _upload(state: UploadState) -> dict[str, Any]:
    upload, dataset = state.upload, state.dataset
    file = dataset and {
        "id": dataset.id,
        "object": "file",
        "bytes": dataset.size,
        "created_at": int(dataset.created_at.timestamp()),
        "expires_at": int(dataset.expires_at.timestamp()) if dataset.expires_at else None,
        "filename": dataset.filename,
        "purpose": upload.purpose,
        "status": "processed" if dataset.analysis else "uploaded",
    }
    return {
        "id": upload.id,
        "object": "upload",
        "bytes": upload.size,
        "created_at": int(upload.created_at.timestamp()),
        "expires_at": int(upload.expires_at.timestamp()),
        "filename": upload.filename,
        "purpose": upload.purpose,
        "status": state.status,
        "file": file,
    }


def _part(part: UploadPart) -> dict[str, Any]:
    created_at = int(part.created_at.timestamp())
    return {"id": part.id, "object": "upload.part", "created_at": created_at, "upload_id": part.upload_id}
