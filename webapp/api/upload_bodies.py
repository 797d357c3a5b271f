"""What uploads in parts carry, named as OpenAI's Uploads API names it; moments are seconds since 1970."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from webapp.api.bodies import Body
from webapp.api.schemas import Request

# OpenAI's list, of openai.types.file_purpose.
Purpose = Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]


def _whole(given: object) -> object:
    """JSON has one kind of number: 7.0 is 7."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


class BeginUploadRequest(Request):
    """The file that will come."""

    bytes: Annotated[int, Field(ge=1, le=2**53, description="Of the whole file."), BeforeValidator(_whole)]
    filename: Annotated[str, Field(min_length=1, max_length=1000)]
    mime_type: Annotated[str, Field(max_length=200)]
    purpose: Purpose


class CompleteUploadRequest(Request):
    """How the parts make the file."""

    part_ids: Annotated[list[str], Field(min_length=1, max_length=10_000, description="In the order of the file.")]
    md5: Annotated[str | None, Field(description="Of the file, in hexadecimal; checked where it is given.")] = None


class FileBody(Body):
    id: Annotated[str, Field(description="The `session_id` of the dataset.")]
    object: Literal["file"]
    bytes: int
    created_at: int
    expires_at: Annotated[int | None, Field(description="When it is deleted; null for what is kept.")]
    filename: str
    purpose: str
    status: Literal["uploaded", "processed"]


class PartUploadBody(Body):
    id: str
    object: Literal["upload"]
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: str
    status: Literal["pending", "completed", "cancelled", "expired"]
    file: FileBody | None


class PartBody(Body):
    id: str
    object: Literal["upload.part"]
    created_at: int
    upload_id: str


class ReceivedPartBody(PartBody):
    bytes: int
    sha256: str


class PartUploadStateBody(PartUploadBody):
    parts: Annotated[list[ReceivedPartBody], Field(description="Oldest first; none once the upload is over.")]
