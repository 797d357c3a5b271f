"""What requests carry, as strict models: no conversions, no unknown fields."""

import uuid
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from webapp.api.bodies import JobState
from webapp.api.paging import AfterIndex, Cursor, without_default
from webapp.catalog import ALIASES, PRESETS, TARGETS, TASKS, Gating, Method, gpu_ids, models
from webapp.catalog.estimates import BATCHES, EPOCHS, LENGTHS, RANKS
from webapp.datasets import PARTS
from webapp.datasets.exporting import FORMATS
from webapp.datasets.repair import operation_schemas
from webapp.errors import Problem
from webapp.notebooks import TrainingConfig
from webapp.notebooks.executors import ExecutorName


def _one_of(choices: Callable[[], Iterable[str]], **more: Any) -> WithJsonSchema:
    """Documents the choices; the catalogue checks them, because it can name the nearest one."""
    return WithJsonSchema({"type": "string", "enum": list(choices())} | more)


SessionId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid", "description": "From `POST /upload`."})]


ModelId = Annotated[str, _one_of(lambda: [name for model in models() for name in (model.id, model.hub_id)])]


AnyModelId = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "anyOf": [
                {"enum": [name for model in models() for name in (model.id, model.hub_id)]},
                {"pattern": r"^hf:[A-Za-z0-9]+([._-][A-Za-z0-9]+)*/[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$"},
            ],
            "description": "A model of the catalogue, or any other of the hub as `hf:org/name`.",
        }
    ),
]


EXAMPLE_ID = "3b0c9a52-6a3e-4f0e-9d0c-2f4f6d7c1a10"


class Request(BaseModel):
    """The base of all request bodies."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


GpuId = Annotated[str, _one_of(gpu_ids)]


PresetName = Annotated[str, _one_of(lambda: PRESETS, default="balanced")]


class RecommendRequest(Request):
    """What the model is for."""

    session_id: SessionId
    task_type: Annotated[str, _one_of(lambda: [*TASKS, *ALIASES])]
    deployment_target: Annotated[str, _one_of(lambda: TARGETS)]
    gpu: Annotated[GpuId, Field(json_schema_extra={"default": "t4"})] = "t4"
    method: Annotated[Method | None, Field(description="By default LoRA where it fits, else QLoRA.")] = None
    gated: Annotated[
        Gating, Field(description="Models whose licence has to be accepted first: after all others, by score, or out.")
    ] = "last"
    preset: PresetName = "balanced"
    languages: Annotated[
        list[Annotated[str, Field(pattern="^[a-z]{2,3}$")]],
        Field(max_length=100, description="Those of the data that count, as in its report; by default all."),
    ] = []


class DeliveryRequest(Request):
    """How the rows and the notebook travel."""

    encrypt: Annotated[bool, Field(description="The rows become AES-GCM ciphertext; the key is in the notebook.")] = (
        False
    )
    colab: Annotated[bool, Field(description="Look for a `colab_url`, as far as the settings allow.")] = True
    share_rows: Annotated[bool, Field(description="A gist may hold the rows themselves, in the clear.")] = False


class ColabRequest(Request):
    """What a gist may hold."""

    share_rows: Annotated[bool, Field(description="A gist may hold the rows themselves, in the clear.")] = False


class GenerateRequest(Request):
    """What the notebook is made of."""

    session_id: SessionId
    model_id: AnyModelId
    training_config: Annotated[
        TrainingConfig | None, Field(description="Settings that are left out follow from the data and the model.")
    ] = None
    gpu: Annotated[
        GpuId | None, Field(description="The card to train on; by default the smallest of Colab's that can do it.")
    ] = None
    preset: PresetName = "balanced"
    dry_run: Annotated[bool, Field(description="Also run the notebook on a miniature of the model.")] = False
    delivery: Annotated[DeliveryRequest, Field(description="How the rows travel.")] = DeliveryRequest()


def _operations() -> WithJsonSchema:
    """Documents the operations; `webapp.datasets.repair` checks them."""
    return WithJsonSchema({"type": "array", "minItems": 1, "items": {"anyOf": operation_schemas()}})


class FixRequest(Request):
    """What is to be mended."""

    operations: Annotated[list[dict[str, Any]], _operations()]
    preview: Annotated[bool, Field(description="Only say what would be done.")] = False


class ExportQuery(BaseModel):
    """Which rows, in which form."""

    format: Annotated[str, _one_of(lambda: FORMATS, default="jsonl")] = "jsonl"
    part: Annotated[Literal["train", "validation"], Field(description="Of a version with a validation part.")] = "train"


class MappingRequest(Request):
    """What the columns of a dataset are."""

    map: Annotated[
        dict[str, Annotated[str, _one_of(lambda: PARTS)]],
        Field(min_length=1, description="Column to part; columns that are left out are ignored."),
    ]


RunKind = Literal["run", "dry_run"]
RunName = Annotated[str | None, Field(max_length=200)]
RunNote = Annotated[str | None, Field(max_length=10_000)]
RunSeconds = Annotated[
    float | None, Field(gt=0, le=7 * 24 * 3600, description="Seconds that an attempt may take; else the kind's own.")
]


class CreateJobRequest(Request):
    """What is to be run."""

    session_id: SessionId
    notebook_id: Annotated[
        str, WithJsonSchema({"type": "string", "format": "uuid", "description": "From `POST /generate`."})
    ]
    kind: Annotated[RunKind, Field(description="With the real model, or with a miniature of it.")]
    executor: Annotated[
        ExecutorName,
        Field(description="The machine that runs jobs, Colab, or a Ray cluster; a dry run is `local`."),
    ] = "local"
    name: RunName = None
    note: RunNote = None
    timeout_s: RunSeconds = None
    start: Annotated[bool, Field(description="Queue it at once.")] = False


class ChangeJobRequest(Request):
    """What is to change; fields that are left out stay."""

    name: RunName = None
    note: RunNote = None
    timeout_s: RunSeconds = None

    @model_validator(mode="before")
    @classmethod
    def refuse_a_status(cls, data: Any) -> Any:
        """Raises Problem `status_not_settable`."""
        if isinstance(data, dict) and "status" in data:
            raise Problem(
                "status_not_settable",
                "A status follows from what is done: use POST /jobs/{job_id}/run, /cancel or /resume.",
                param="status",
            )
        return data


def _a_uuid(given: str) -> str:
    """Refuses what no dataset can go by: a list would be empty without a reason."""
    uuid.UUID(given)
    return given


class JobsQuery(BaseModel):
    """Which jobs to list."""

    status: JobState | None = None
    kind: RunKind | None = None
    executor: ExecutorName | Literal["elsewhere"] | None = None
    session_id: Annotated[SessionId, AfterValidator(_a_uuid)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    after: Cursor = None


class DatasetsQuery(BaseModel):
    """Which datasets to list."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    after: Cursor = None


class EventsQuery(BaseModel):
    """Which events to read."""

    after: Annotated[int, Field(ge=0, le=2**62, description="The last `seq` that was seen.")] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 500


class StreamQuery(BaseModel):
    """From where on to follow a job, and the ticket of who cannot send a header."""

    after: Annotated[int, Field(ge=0, le=2**62, description="The last `seq` that was seen.")] = 0
    ticket: Annotated[str | None, Field(description="From `POST /jobs/{job_id}/ticket`.")] = None


class StreamHeaders(BaseModel):
    """What a browser sends that connects again."""

    model_config = ConfigDict(populate_by_name=True)

    last_event_id: Annotated[
        int | None,
        Field(alias="Last-Event-ID", ge=0, le=2**62, json_schema_extra=without_default),
        WithJsonSchema(
            {
                "type": "integer",
                "minimum": 0,
                "maximum": 2**62,
                "description": "The last `id` that was seen; overrides `after`.",
            }
        ),
    ] = None


class PreviewQuery(BaseModel):
    """Which examples to show."""

    page: Annotated[int, Field(ge=1)] = 1
    page_size: Annotated[int, Field(ge=1, le=100)] = 5
    after: AfterIndex = None


class RenderedQuery(BaseModel):
    """Which example to show, as which model reads it."""

    index: Annotated[int, Field(ge=0, le=2**31, description="0-based, among the valid examples.")] = 0
    model_id: ModelId


def _mapping_text() -> WithJsonSchema:
    """Documents what a mapping looks like as text; it is read where that of a form is."""
    pair = f'"[A-Za-z0-9_ ]+": ?"({"|".join(PARTS)})"'
    about = "Column to part, as JSON; where names do not tell."
    text = {"type": "string", "pattern": rf"^\{{{pair}(, ?{pair})*\}}$"}
    return WithJsonSchema({"anyOf": [text, {"type": "null"}], "description": about})


class UploadQuery(BaseModel):
    """What a body does not say of itself."""

    filename: Annotated[str, Field(description="A label; says what a file is whose content leaves that open.")] = ""
    map: Annotated[str | None, _mapping_text()] = None


class LinesQuery(BaseModel):
    """Which part of a list of lines."""

    page: Annotated[int, Field(ge=1, le=2**31)] = 1
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 1000


class EstimateQuery(BaseModel):
    """What is to be estimated."""

    model_id: AnyModelId
    gpu: Annotated[str, _one_of(gpu_ids, default="t4")] = "t4"
    method: Method = "lora"
    length: Annotated[int, Field(ge=LENGTHS.least, le=LENGTHS.most, description="Longest row in tokens.")] = 1024
    batch: Annotated[int, Field(ge=BATCHES.least, le=BATCHES.most, description="Rows at a time.")] = 2
    rank: Annotated[int, Field(ge=RANKS.least, le=RANKS.most, description="Of LoRA adapters.")] = 16
    checkpointing: Annotated[bool, Field(description="Activations are recomputed, not kept.")] = True
    session_id: Annotated[SessionId | None, Field(description="A dataset: its whole run is estimated too.")] = None
    epochs: Annotated[int, Field(ge=EPOCHS.least, le=EPOCHS.most, description="Of that run.")] = 3
