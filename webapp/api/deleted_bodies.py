"""What is answered when data goes, or goes over to somebody."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from webapp.api.bodies import Body

AT_WORK = (
    "A job is still running, or what it made elsewhere is still being ended; `Retry-After` says when to ask again."
)


class DeletedRowsBody(Body):
    datasets: Annotated[int, Field(description="Versions.")]
    notebooks: int
    jobs: int
    events: int
    measurements: int
    links: int
    uploads: int
    files: int
    bytes: Annotated[int, Field(description="Of the files.")]


class DeletedDataBody(Body):
    deleted: DeletedRowsBody


class ClaimedBody(Body):
    session_id: Annotated[str, Field(description="Of the upload, version 1.")]
    expires_at: Annotated[datetime | None, Field(description="Null: it is kept.")]
