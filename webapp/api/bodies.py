"""What answers carry; reports on datasets are documented from `webapp.datasets` itself."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, RootModel

from webapp.datasets import Analysis
from webapp.notebooks import TrainingConfig

Share = Annotated[float, Field(ge=0, le=1)]
JobState = Literal["created", "queued", "running", "completed", "failed", "cancelled"]


class AnalysisBody(Analysis, frozen=True, kw_only=True):
    """The report on a dataset."""

    session_id: str
    expires_at: datetime | None


class Body(BaseModel):
    """The base of all answers."""

    model_config = ConfigDict(extra="forbid")


class IndexBody(Body):
    name: str
    version: str
    description: str
    documentation: str
    openapi: str


class HealthBody(Body):
    status: Literal["ok"]
    version: str


class ReadyBody(Body):
    status: Literal["ready"]


class UploadBody(Body):
    session_id: str
    filename: str
    size: Annotated[int, Field(description="Bytes.", ge=1)]
    message: str
    expires_at: Annotated[datetime | None, Field(description="When it is deleted; null for what is kept.")]


class ListedDatasetBody(Body):
    session_id: Annotated[str, Field(description="Of the upload, the first version.")]
    current_id: Annotated[str, Field(description="Of the version in use.")]
    filename: str
    size: Annotated[int, Field(description="Bytes of the upload.", ge=1)]
    created_at: datetime
    expires_at: datetime | None
    versions: Annotated[int, Field(ge=1)]
    notebooks: Annotated[int, Field(ge=0)]
    total_examples: Annotated[int | None, Field(description="Of the version in use; null before its analysis.")]
    quality_score: Share | None


class DatasetsBody(RootModel[list[ListedDatasetBody]]):
    """Some datasets."""


class LinesBody(Body):
    lines: Annotated[list[int], Field(description="Lines of the file, from 1, rising.")]
    total_count: int
    page: int
    page_size: int


class PendingBody(Body):
    status: Annotated[str, Field(description="How the job stands: `queued` or `running`.")]
    status_url: str


class MessageBody(BaseModel):
    """One turn, in OpenAI's form."""

    model_config = ConfigDict(extra="allow")

    role: str
    content: str


class ExampleBody(Body):
    index: Annotated[int, Field(ge=0, description="0-based, among the valid examples.")]
    line: Annotated[int, Field(ge=1, description="1-based, in the file.")]
    messages: list[MessageBody]
    tools: list[dict[str, Any]] | None
    token_count: Annotated[int, Field(ge=0)]


class PreviewBody(Body):
    examples: list[ExampleBody]
    total_count: int
    page: int
    page_size: int


class SegmentBody(Body):
    text: str
    role: Annotated[str | None, Field(description="That of its message; null for what the template puts before.")]
    trained: Annotated[bool, Field(description="Whether the model learns to write it.")]


class RenderedBody(Body):
    model_id: str
    template: Annotated[str, Field(description="The family whose chat template writes it.")]
    system_merged: Annotated[bool, Field(description="Its system prompt begins a user's turn: there is no such role.")]
    segments: list[SegmentBody]
    messages_left_out: Annotated[
        int, Field(ge=0, description="Messages after the last answer shown; what follows the last one is not learned.")
    ]


class DryRunBody(Body):
    status: JobState
    status_url: str


class DeliveryBody(Body):
    kind: Annotated[
        Literal["embedded", "link", "file"],
        Field(description="In the notebook, fetched by a link that expires, or a file to put beside the notebook."),
    ]
    encrypted: bool
    filename: Annotated[str | None, Field(description="The file of the rows; null when they are embedded.")]
    size: Annotated[int | None, Field(description="Its bytes.")]
    data_url: Annotated[str | None, Field(description="A path that fetches it by hand.")]


class ColabBody(Body):
    colab_url: str | None
    reason: Annotated[str | None, Field(description="Why there is no `colab_url`.")]
    commands: Annotated[list[str], Field(description="Google's command line, for this notebook.")]
    key: Annotated[str | None, Field(description="What the notebook at `colab_url` asks for when it runs.")]


class DataLinkBody(Body):
    id: str
    filename: str
    created_at: datetime
    expires_at: datetime


class DataLinksBody(Body):
    links: Annotated[list[DataLinkBody], Field(description="Those that still work, oldest first.")]


class GeneratedBody(Body):
    notebook_id: str
    notebook_path: Annotated[str, Field(description="Relative to the store.")]
    colab_url: str | None
    colab: Annotated[ColabBody, Field(description="The link again, or why there is none; and the way without it.")]
    download_url: Annotated[str, Field(description="A signed path that expires.")]
    script_url: Annotated[str, Field(description="The same run as a script.")]
    chat_template: Annotated[
        str,
        Field(description="A family of the catalogue, the model's name for its own, or `chatml` where it has none."),
    ]
    delivery: DeliveryBody
    training_config: TrainingConfig
    dry_run: DryRunBody | None


class VersionBody(Body):
    session_id: str
    version: Annotated[int, Field(ge=1, description="1 is the upload.")]
    parent_id: Annotated[str | None, Field(description="The version it was made from.")]
    current: Annotated[bool, Field(description="Whether it is in use.")]
    created_at: datetime
    operations: Annotated[list[dict[str, Any]], Field(description="What made it, in the order it was done.")]
    counts: Annotated[list[dict[str, Any]], Field(description="Rows changed, dropped and added by each operation.")]
    validation_rows: Annotated[int, Field(ge=0)]
    statistics: Annotated[dict[str, Any] | None, Field(description="Null before its analysis is done.")]


class VersionsBody(Body):
    versions: Annotated[list[VersionBody], Field(description="Oldest first.")]
    current_id: str
    can_undo: bool
    can_redo: bool


def plain(report: msgspec.Struct) -> dict[str, Any]:
    """A report as JSON data."""
    data: dict[str, Any] = msgspec.to_builtins(report)
    return data
