"""What answers say of models: the catalogue, what training takes, and what is recommended."""

from typing import Annotated, Literal

import msgspec
from pydantic import Field

from webapp.api.bodies import Body, Share
from webapp.baselines import Code
from webapp.catalog import BaseModel as CatalogueModel


class ModelBody(CatalogueModel, frozen=True, eq=False, kw_only=True):
    """An entry of the catalogue; `verified` says whether its shape was checked against a published number."""

    verified: bool


class ModelsBody(msgspec.Struct, frozen=True):
    """The catalogue."""

    models: list[ModelBody]


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
    minutes: Annotated[RangeBody, Field(description="With evaluations, checkpoints, and the answers before and after.")]
    costs: list[CostBody]


class SettingBody(Body):
    name: str
    value: int | float | str | bool
    reason: str
    given: Annotated[bool, Field(description="Whether it was asked for, rather than suggested.")]
    suggested: Annotated[
        int | float | str | bool | None, Field(description="What is suggested where something else is given.")
    ]


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
    curve: Annotated[list[CurvePointBody], Field(description="With 25, 50 and 100 % of the conversations.")]
    gain: Annotated[tuple[float, float], Field(description="95 % interval of what the second half of the rows added.")]
    same_prompt: Annotated[int, Field(description="Held-out rows whose very prompt is also one for training.")]


class GateBody(Body):
    verdict: Code
    message: Annotated[str, Field(description="One sentence, with its numbers.")]
    rows: int
    sampled: int
    most_frequent_share: Share
    baseline: Annotated[BaselineBody | None, Field(description="Null when too few conversations are held out.")]


class RecommendationBody(Body):
    task_type: str
    deployment_target: str
    gpu: str
    recommendations: Annotated[list[RecommendedBody], Field(description="Best first.")]
    excluded: list[ExclusionBody]
    tied: Annotated[list[str], Field(description="The models that share the first place, where several do.")]
    weights: dict[str, Share]
    sensitivity: Annotated[list[ChangeBody], Field(description="Single changes that put another model first.")]
    gate: Annotated[GateBody | None, Field(description="Whether to fine-tune at all; null where it is not measured.")]


class EstimateBody(Body):
    model_id: str
    method: Literal["lora", "qlora", "full"]
    gpu: str
    max_seq_length: int
    batch_size: int
    lora_rank: int
    checkpointing: bool
    memory_gib: PeakBody
    fits: Annotated[bool, Field(description="Whether `fit` is `fits`: `mid` is within 85 % of the card.")]
    fit: Annotated[
        Literal["fits", "tight", "no", "needs_bf16"],
        Field(description="`tight` is beyond 85 %; `needs_bf16`: the card has memory, but not the number format."),
    ]
    minutes_per_million_tokens: RangeBody
    costs_per_million_tokens: list[CostBody]
    unpriced: Annotated[list[str], Field(description="Who has the card at a price that is not known.")]
    run: Annotated[RunEstimateBody | None, Field(description="With `session_id`.")]
