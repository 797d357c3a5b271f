"""What answers carry; reports on datasets are documented from `webapp.datasets` itself."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from webapp.baselines import Code
from webapp.catalog import BaseModel as CatalogueModel
from webapp.datasets import Analysis
from webapp.notebooks import TrainingConfig

Share = Annotated[float, Field(ge=0, le=1)]
JobState = Literal["created", "queued", "running", "completed", "failed", "cancelled"]


class AnalysisBody(Analysis, frozen=True, kw_only=True):
    """The report on a dataset."""

    session_id: str


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


class UploadBody(Body):
    session_id: str
    filename: str
    size: Annotated[int, Field(description="Bytes.", ge=1)]
    message: str


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


class MemoryBody(Body):
    gib: Annotated[float, Field(description="Estimated peak; the middle of `low` and `high`.")]
    low: float
    high: float
    gpu_gib: float
    fits: bool
    parts: dict[str, float]


class RangeBody(Body):
    low: float
    mid: float
    high: float


class CostBody(Body):
    provider: str
    unit: str
    units: Annotated[RangeBody, Field(description="The provider's own: compute units, or hours.")]
    currency: str
    money: RangeBody
    as_of: Annotated[str, Field(description="The date when the price was last known to hold.")]
    verified: Annotated[bool, Field(description="Whether the price was read on a page that `source` names.")]
    source: str


class PeakBody(RangeBody):
    card: Annotated[float, Field(description="What the card has.")]
    parts: Annotated[dict[str, float], Field(description="By component; they sum to `mid`.")]


class RunEstimateBody(Body):
    tokens: Annotated[int, Field(description="Trained tokens of all epochs, after truncation.")]
    minutes: Annotated[RangeBody, Field(description="With evaluations and the answers before and after.")]
    costs: list[CostBody]


class SettingBody(Body):
    name: str
    value: int | float | str | bool
    reason: str
    given: Annotated[bool, Field(description="Whether it was asked for, rather than suggested.")]


class RecommendedBody(Body):
    model_id: str
    model_name: str
    size: str
    score: Share
    reasons: list[str]
    is_gated: bool
    rank: Annotated[int, Field(ge=1, description="Models that tie share one.")]
    hub_id: str
    license: str
    commercial_use: bool
    context_length: int
    ungated_alternative: str | None
    method: Literal["lora", "qlora", "full"]
    max_seq_length: int
    memory: MemoryBody
    run: RunEstimateBody
    settings: Annotated[list[SettingBody], Field(description="The suggested `training_config`, each with its reason.")]
    terms: Annotated[dict[str, Share], Field(description="The score is their sum, each times its weight.")]


class ExclusionBody(Body):
    model_id: str
    code: str
    reason: str


class ChangeBody(Body):
    input: str
    value: str | int
    first: Annotated[str | None, Field(description="The model in the first place then; null when none fits.")]
    text: str


class CurvePointBody(Body):
    rows: int
    score: Share


class BaselineBody(Body):
    metric: str
    trained: int
    held_out: Annotated[int, Field(description="Different held-out rows.")]
    score: Annotated[float, Field(ge=0, le=1, description="Of the answer to the most similar prompt.")]
    interval: Annotated[tuple[float, float], Field(description="95 % interval of the score.")]
    most_frequent: Annotated[float, Field(ge=0, le=1, description="Of the most frequent answer, given always.")]
    random: Annotated[float, Field(ge=0, le=1, description="Of any answer.")]
    advantage: Annotated[
        tuple[float, float], Field(description="95 % interval of what it has over the better of both.")
    ]
    curve: Annotated[list[CurvePointBody], Field(description="With 25, 50 and 100 % of the rows for training.")]
    gain: Annotated[tuple[float, float], Field(description="95 % interval of what the second half of the rows added.")]
    same_prompt: Annotated[int, Field(description="Held-out rows whose very prompt is also one for training.")]


class GateBody(Body):
    verdict: Code
    message: Annotated[str, Field(description="One sentence, with its numbers.")]
    rows: int
    sampled: int
    most_frequent_share: Share
    baseline: Annotated[BaselineBody | None, Field(description="Null when too few different rows are held out.")]


class RecommendationBody(Body):
    task_type: str
    deployment_target: str
    gpu: str
    recommendations: Annotated[list[RecommendedBody], Field(description="Best first.")]
    excluded: list[ExclusionBody]
    tied: Annotated[list[str], Field(description="The models that share the first place, where several do.")]
    weights: dict[str, Share]
    sensitivity: Annotated[list[ChangeBody], Field(description="Single changes that put another model first.")]
    gate: Annotated[GateBody | None, Field(description="Whether to fine-tune at all; null before it is measured.")]


class EstimateBody(Body):
    model_id: str
    method: Literal["lora", "qlora", "full"]
    gpu: str
    max_seq_length: int
    batch_size: int
    lora_rank: int
    checkpointing: bool
    memory_gib: PeakBody
    fits: Annotated[bool, Field(description="Whether `mid` is within 85 % of the card.")]
    fit: Annotated[
        Literal["fits", "tight", "no", "needs_bf16"],
        Field(description="`tight` is beyond 85 %; `needs_bf16`: the card has memory, but not the number format."),
    ]
    minutes_per_million_tokens: RangeBody
    costs_per_million_tokens: list[CostBody]
    run: Annotated[RunEstimateBody | None, Field(description="With `session_id`.")]


class ModelsBody(msgspec.Struct, frozen=True):
    """The catalogue."""

    models: list[CatalogueModel]


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


class JobErrorBody(BaseModel):
    model_config = ConfigDict(extra="allow")

    code: str
    message: str


class JobBody(Body):
    id: str
    session_id: str
    dataset_filename: str
    notebook_id: str | None
    kind: Literal["analysis", "fix", "export", "dry_run"]
    status: JobState
    progress: Share
    message: str
    result: dict[str, Any] | None
    error: JobErrorBody | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def plain(report: msgspec.Struct) -> dict[str, Any]:
    """A report as JSON data."""
    data: dict[str, Any] = msgspec.to_builtins(report)
    return data
