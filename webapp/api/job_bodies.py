"""What answers say of jobs: how they stand, what they reported, and what they left."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from webapp.api.bodies import Body, JobState, Share


class JobErrorBody(BaseModel):
    model_config = ConfigDict(extra="allow")

    code: str
    message: str


class ListedJobBody(Body):
    id: str
    session_id: str
    dataset_filename: str
    notebook_id: str | None
    kind: Literal["analysis", "fix", "export", "dry_run", "run", "chat"]
    executor: Annotated[str, Field(description="Where it runs: `local` is the machine that runs jobs.")]
    name: str | None
    note: str | None
    timeout_s: Annotated[float | None, Field(description="Seconds that an attempt may take; null for any time.")]
    status: JobState
    status_url: str
    attempt: Annotated[int, Field(ge=0, description="How often it was begun.")]
    cancel_requested: Annotated[bool, Field(description="Whether it is to stop; it does so within seconds.")]
    progress: Share
    message: str
    error: JobErrorBody | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobBody(ListedJobBody):
    result: Annotated[dict[str, Any] | None, Field(description="What came of it; of a run, its report.")]


class JobsBody(RootModel[list[ListedJobBody]]):
    """Newest first."""


class ProgressTokenBody(Body):
    progress_url: Annotated[str, Field(description="The notebook's `progress_url`.")]
    progress_token: Annotated[str, Field(description="The notebook's `progress_token`; good for that address alone.")]
    expires_at: datetime
    notebook_url: Annotated[str, Field(description="A signed path that fetches the notebook with both in it.")]
    colab_url: Annotated[str | None, Field(description="Opens that notebook in Colab.")]
    reason: Annotated[str | None, Field(description="Why there is no `colab_url`.")]


class ProgressBody(Body):
    accepted: Annotated[int, Field(ge=0, description="Steps that had not been told before.")]
    status: JobState
    cancel: Annotated[bool, Field(description="Whether the notebook is to stop.")]


class EventBody(Body):
    seq: Annotated[int, Field(ge=1, description="Rises with every event, with gaps.")]
    attempt: Annotated[int, Field(ge=0)]
    type: Annotated[
        str, Field(description="`status`, `cell_started`, `cell_finished`, `stream`, `display`, `metrics`, `died`, ...")
    ]
    data: dict[str, Any]
    at: datetime


class PromptBody(Body):
    prompt: Annotated[int, Field(ge=1, description="What events of its answers call it.")]
    job_id: Annotated[str, Field(description="The job that answers.")]
    status_url: str


class EventsBody(RootModel[list[EventBody]]):
    """Oldest first."""


class TicketBody(Body):
    ticket: Annotated[str, Field(description="Works once.")]
    expires_at: datetime
    stream_url: Annotated[str, Field(description="Server-sent events, with the ticket.")]
    ws_url: Annotated[str, Field(description="The WebSocket, with the ticket.")]


class ArtifactBody(Body):
    name: Annotated[str, Field(description="With its folders.")]
    size: Annotated[int, Field(ge=0, description="Bytes.")]
    url: Annotated[str, Field(description="The path that fetches it.")]


class ArtifactsBody(RootModel[list[ArtifactBody]]):
    """By name."""


class DeletedBody(Body):
    jobs: int
    events: int
    measurements: int
    files: int
    bytes: Annotated[int, Field(description="Of the files.")]


class DeletedJobBody(Body):
    deleted: DeletedBody
