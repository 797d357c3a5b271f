"""What requests carry, as strict models: no conversions, no unknown fields."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from webapp.catalog import ALIASES, TARGETS, TASKS, Method, gpus, models
from webapp.datasets import PARTS
from webapp.notebooks import TrainingConfig


def _one_of(choices: Callable[[], Iterable[str]], **more: Any) -> WithJsonSchema:
    """Documents the choices; the catalogue checks them, because it can name the nearest one."""
    return WithJsonSchema({"type": "string", "enum": list(choices())} | more)


SessionId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid", "description": "From `POST /upload`."})]


EXAMPLE_ID = "3b0c9a52-6a3e-4f0e-9d0c-2f4f6d7c1a10"


class Request(BaseModel):
    """The base of all request bodies."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class RecommendRequest(Request):
    """What the model is for."""

    session_id: SessionId
    task_type: Annotated[str, _one_of(lambda: [*TASKS, *ALIASES])]
    deployment_target: Annotated[str, _one_of(lambda: TARGETS)]
    gpu: Annotated[str, _one_of(lambda: [gpu.id for gpu in gpus()], default="t4")] = "t4"
    method: Annotated[Method | None, Field(description="By default LoRA where it fits, else QLoRA.")] = None


class GenerateRequest(Request):
    """What the notebook is made of."""

    session_id: SessionId
    model_id: Annotated[str, _one_of(lambda: [name for model in models() for name in (model.id, model.hub_id)])]
    training_config: Annotated[
        TrainingConfig | None, Field(description="Settings that are left out follow from the data and the model.")
    ] = None
    dry_run: Annotated[bool, Field(description="Also run the notebook on a miniature of the model.")] = False


class MappingRequest(Request):
    """What the columns of a dataset are."""

    map: Annotated[
        dict[str, Annotated[str, _one_of(lambda: PARTS)]],
        Field(min_length=1, description="Column to part; columns that are left out are ignored."),
    ]


class PreviewQuery(BaseModel):
    """Which examples to show."""

    page: Annotated[int, Field(ge=1)] = 1
    page_size: Annotated[int, Field(ge=1, le=100)] = 5
