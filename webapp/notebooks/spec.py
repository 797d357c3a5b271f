"""What a notebook is made of: the training configuration people may set, and the whole specification."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel as Schema
from pydantic import BeforeValidator, ConfigDict, Field

from webapp.catalog import BaseModel, Gpu
from webapp.notebooks.delivery import Delivery
from webapp.training.families import Family, families


def _integral(value: Any) -> Any:
    """JSON Schema counts 3.0 as an integer; strict pydantic would not."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_integral)


class TrainingConfig(Schema):
    """The `training_config` of POST /generate and `--set` of `tunebook notebook`; each reaches the parameters cell."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    method: Literal["lora", "qlora", "full"] = "lora"
    master_weights: Literal["auto", "32-bit", "16-bit"] = "auto"
    lora_rank: Annotated[int, Field(ge=1, le=256), Whole] = 16
    lora_alpha: Annotated[int, Field(ge=1, le=1024), Whole] = 32
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-4
    lr_scheduler: Literal["cosine", "linear"] = "cosine"
    warmup_ratio: Annotated[float, Field(ge=0, le=0.5)] = 0.05
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0, le=100)] = 1.0
    num_epochs: Annotated[int, Field(ge=1, le=100), Whole] = 3
    batch_size: Annotated[int, Field(ge=1, le=512), Whole] = 2
    gradient_accumulation: Annotated[int, Field(ge=1, le=512), Whole] = 4
    max_seq_length: Annotated[int, Field(ge=32, le=131_072), Whole] = 1024
    train_turns: Literal["separate", "together"] = "separate"
    gradient_checkpointing: bool = True
    packing: bool = False
    eval_fraction: Annotated[float, Field(ge=0.01, le=0.5)] = 0.1
    seed: Annotated[int, Field(ge=0, le=2**31 - 1), Whole] = 42
    max_steps: Annotated[int, Field(ge=0, le=1_000_000), Whole] = 0
    eval_steps: Annotated[int, Field(ge=0, le=1_000_000), Whole] = 0
    early_stopping_patience: Annotated[int, Field(ge=0, le=1_000), Whole] = 2
    checkpoint_minutes: Annotated[float, Field(ge=0, le=120)] = 5.0
    sample_answers: Annotated[int, Field(ge=0, le=20), Whole] = 5
    metric_answers: Annotated[int, Field(ge=0, le=500), Whole] = 32
    max_new_tokens: Annotated[int, Field(ge=1, le=4096), Whole] = 128
    keep_on_drive: bool = False
    export_merged: bool = False
    export_gguf: bool = False
    push_to_hub: Annotated[str, Field(pattern=r"^([\w.-]{1,96}(/[\w.-]{1,96})?)?$", max_length=193)] = ""


def chat_format(model: BaseModel, own: Family | None) -> Family:
    """What a model's rows are written in: its own format, or that of its family in the catalogue."""
    return own or families()[model.template_family or "chatml"]


@dataclass(frozen=True)
class NotebookSpec:
    """Everything `render` needs; the same specification always renders to the same bytes.

    `gpu` is the card the settings were chosen for, `colab` the one to ask Colab for. `sha256` is the digest of the
    canonical JSON lines, before `delivery` compressed or encrypted them. `own_format` is the chat format of a
    model that the catalogue does not have.
    """

    model: BaseModel
    gpu: Gpu
    colab: Gpu
    config: TrainingConfig
    filename: str
    examples: int
    sha256: str
    delivery: Delivery
    own_format: Family | None = None

    @property
    def family(self) -> Family:
        """The chat format that its rows are written in."""
        return chat_format(self.model, self.own_format)

    @property
    def lent_format(self) -> bool:
        """Whether the model has no chat template of its own, so that it is taught one of ours."""
        return self.own_format is not None and self.own_format.name in families()
