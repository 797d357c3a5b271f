"""The base models, as data: what each is, what it may be used for, and the shape every estimate needs."""

from datetime import date
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from webapp.catalog.entries import read_entries, unknown
from webapp.catalog.tasks import TASKS, TaskName

Text = Annotated[str, Meta(min_length=1)]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$")]
Url = Annotated[str, Meta(pattern=r"^https://")]
Size = Annotated[int, Meta(ge=1)]
TemplateFamily = Literal[
    "chatml", "falcon3", "gemma", "gemma4", "granite", "lfm2", "llama3", "mistral", "mistral-v3", "olmo2", "olmo3",
    "phi3", "phi4", "qwen2.5", "qwen3", "qwen3.5", "smollm3", "zephyr",
]  # fmt: skip


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The dimensions of a decoder, as in config.json; `ffn` is the largest width in use.

    `per_layer_embedding` is the width of the embedding that each of Gemma 4's layers has of its own.
    """

    model_type: Text
    class_name: Annotated[str, Meta(pattern=r"ForCausalLM$")]
    layers: Size
    hidden: Size
    heads: Size
    kv_heads: Size
    head_dim: Size
    ffn: Size
    vocab: Size
    tied: bool
    per_layer_embedding: Annotated[int, Meta(ge=0)] = 0
    extra: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if self.heads % self.kv_heads:
            raise ValueError(f"{self.heads} heads cannot share {self.kv_heads} key/value heads")

    @property
    def query_width(self) -> int:
        """Width of the query projection: heads x head_dim."""
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """Width of the key projection, and of the value projection."""
        return self.kv_heads * self.head_dim

    @property
    def recurrent_layers(self) -> int:
        """Layers of linear attention (Gated DeltaNet), where one of every `full_attention_interval` has full attention.

        LFM2's convolutions are none: they are as fast as attention.
        """
        interval = self.extra.get("full_attention_interval")
        return self.layers - self.layers // interval if interval else 0

    @property
    def embedding_parameters(self) -> int:
        """Parameters of the embeddings, and of the output head where it is a matrix of its own."""
        return self.vocab * (self.hidden * (1 if self.tied else 2) + self.layers * self.per_layer_embedding)

    def config_values(self) -> dict[str, Any]:
        """Keyword arguments for transformers' `AutoConfig.for_model(model_type, **values)`."""
        per_layer = {"hidden_size_per_layer_input": self.per_layer_embedding} if self.per_layer_embedding else {}
        return {
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "intermediate_size": self.ffn,
            "vocab_size": self.vocab,
            "tie_word_embeddings": self.tied,
            **per_layer,
            **self.extra,
        }


# Compared by identity: entries are read once, and what follows from one can be kept by it.
class BaseModel(msgspec.Struct, frozen=True, eq=False, forbid_unknown_fields=True, kw_only=True):
    """One base model. `parameters` counts the text model; `context_length` is in its own tokens.

    `checked` says what `parameters`, counted with the model's own class, were held against: the published total, to the
    digit; the publisher's `label` of the size; only the published shape that they were counted from, where the label
    says another number or there is none; or nothing, as the shape itself is in doubt. `size` is rounded by us. Of a
    model that the catalogue does not have, `hub_id` may be a folder, and what nobody has looked at is not known: `year`
    is 0, `languages` and `tasks` are empty, the others None.
    """

    id: Text
    hub_id: Text
    name: Text
    size: Annotated[str, Meta(pattern=r"^\d+(\.\d+)?B$")]
    label: Annotated[str, Meta(pattern=r"^\d+(\.\d+)?[BM]$")] | None = None
    year: Annotated[int, Meta(ge=0, le=2100)]
    parameters: Size
    vision_parameters: Annotated[int, Meta(ge=0)] = 0
    context_length: Annotated[int, Meta(ge=512)]
    license: Text
    license_url: Url | None
    commercial_use: bool | None
    gated: bool
    ungated_alternative: Slug | None = None
    template_family: Text | None
    system_role: bool | None
    tool_calls: bool | None
    languages: tuple[Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")], ...]
    tasks: Annotated[tuple[TaskName, ...], Meta(max_length=len(TASKS))]
    hybrid: bool
    t4: bool
    t4_note: Text
    checked: Literal["published total", "label", "published shape", "no"]
    last_reviewed: date
    source: Text
    strengths: Text | None
    shape: Shape

    def __post_init__(self) -> None:
        if self.parameters <= self.shape.embedding_parameters:
            raise ValueError("parameters do not even cover the embedding")
        if self.checked == "label" and not self.agrees_with_label:
            raise ValueError("parameters are checked by a label that they do not agree with")

    def to_dict(self) -> dict[str, Any]:
        """JSON data, `verified` with it."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        return fields | {"verified": self.verified}

    @property
    def agrees_with_label(self) -> bool:
        """Whether the label, taken as rounded, stands for these parameters: "3B" does for 2.5 to 3.5 billion.

        Long labels are not always rounded: 2 % are allowed where half a unit of the last digit is less.
        """
        if self.label is None:
            return False
        number, unit = self.label[:-1], {"B": 1e9, "M": 1e6}[self.label[-1]]
        half = 0.5 * 10.0 ** -len(number.partition(".")[2])
        return abs(self.parameters / unit - float(number)) <= max(half, 0.02 * float(number))

    @property
    def verified(self) -> bool:
        """Whether the shape is a published one."""
        return self.checked != "no"

    @property
    def linear_parameters(self) -> int:
        """Parameters outside the embeddings and an untied head: what 4-bit quantisation shrinks."""
        return self.parameters - self.shape.embedding_parameters


class CatalogueEntry(BaseModel, frozen=True, eq=False, forbid_unknown_fields=True, kw_only=True):
    """A base model of models.toml, of which everything is known."""

    id: Slug
    hub_id: Annotated[str, Meta(pattern=r"^[\w.-]+/[\w.-]+$")]
    year: Annotated[int, Meta(ge=2023, le=2100)]
    license_url: Url
    commercial_use: bool
    template_family: TemplateFamily
    system_role: bool
    tool_calls: bool
    languages: Annotated[tuple[Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")], ...], Meta(min_length=1)]
    tasks: Annotated[tuple[TaskName, ...], Meta(min_length=1, max_length=len(TASKS))]
    strengths: Text

    def __post_init__(self) -> None:
        BaseModel.__post_init__(self)
        if self.gated != (self.ungated_alternative is not None):
            raise ValueError("a gated model names its ungated_alternative, and only a gated one does")


@cache
def models() -> tuple[CatalogueEntry, ...]:
    """All base models, in the catalogue's order."""
    found = read_entries("models.toml", "model", CatalogueEntry)
    ungated = {model.id for model in found if not model.gated}
    for model in found:
        if model.ungated_alternative not in ungated | {None}:
            raise ValueError(f"models.toml: {model.id}: ungated_alternative names no ungated model")
    return found


def find_model(name: str) -> CatalogueEntry:
    """The model with this id or hub id, in any case.

    Raises Problem `model_not_found` (404) that names near matches.
    """
    wanted = str(name).strip().lower()
    for model in models():
        if wanted in (model.id, model.hub_id.lower()):
            return model
    near = [model.id for model in models()]
    raise unknown("model", name, near, param="model_id", code="model_not_found", status=404)
