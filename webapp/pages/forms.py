"""The forms of the dataset page: what its columns are, what the model is for, and how it is trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from webapp.api.errors import validation_problem
from webapp.catalog import METHOD_NAMES, PRESETS, TARGETS, TASKS, THIS_MACHINE, Gating, Setting, gpus
from webapp.datasets import PARTS
from webapp.notebooks import TrainingConfig

# The settings on the page; the others keep their suggested value.
_LABELS = {
    "num_epochs": ("Epochs", "How often each row is seen."),
    "learning_rate": ("Learning rate", "How far each step goes."),
    "lora_rank": ("LoRA rank", "Size of the adapters."),
    "lora_alpha": ("LoRA alpha", "Strength of the adapters."),
    "batch_size": ("Batch size", "Rows at a time; more needs more memory."),
    "gradient_accumulation": ("Gradient accumulation", "Batches per step."),
    "max_seq_length": ("Longest row in tokens", "Longer rows are cut."),
    "seed": ("Seed", "The same seed gives the same run."),
}

_PART_LABELS = {
    "messages": "chat: messages (role, content)",
    "conversations": "chat: turns (from, value)",
    "tools": "tool definitions",
    "system": "system prompt",
    "prompt": "question or prompt",
    "input": "input that follows the prompt",
    "history": "earlier turns",
    "completion": "answer to learn",
    "text": "plain text to learn",
}


_GATING: dict[Gating, str] = {"last": "after all others", "equal": "like any other", "exclude": "not at all"}


@dataclass(frozen=True)
class Purpose:
    """What the model is for, as the first form gives it; empty when it was not sent."""

    task_type: str = ""
    deployment_target: str = ""
    gpu: str = "t4"
    preset: str = "balanced"
    gated: str = "last"
    model_id: str = ""

    @classmethod
    def read(cls, values: Mapping[str, str]) -> "Purpose":
        """The purpose in a query string or a form."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__ if values.get(name)})

    @property
    def given(self) -> bool:
        """Whether models can be recommended."""
        return bool(self.task_type and self.deployment_target)


@dataclass(frozen=True)
class Field:
    """One number of the training form: what it is, why it is suggested, and its bounds as HTML attributes."""

    name: str
    label: str
    hint: str
    why: str
    value: str
    step: str
    bounds: Mapping[str, float]


def choices() -> dict[str, Any]:
    """What the selects offer, as {value: label}."""
    return {
        "tasks": {task.name: task.label for task in TASKS.values()},
        "targets": {target.name: target.label for target in TARGETS.values()},
        "gpus": {gpu.id: f"{gpu.name} ({gpu.memory_gib:.0f} GiB)" for gpu in gpus()} | {THIS_MACHINE: "this machine"},
        "parts": {"": "not used"} | {part: _PART_LABELS[part] for part in PARTS},
        "methods": METHOD_NAMES,
        "gating": _GATING,
        "presets": {preset.name: preset.label for preset in PRESETS.values()},
    }


def training_fields(
    suggested: TrainingConfig, settings: Mapping[str, Setting], given: Mapping[str, str]
) -> list[Field]:
    """The numbers of the form, filled with what the person has typed, else with what is suggested."""
    properties = TrainingConfig.model_json_schema()["properties"]
    return [
        Field(
            name=name,
            label=label,
            hint=hint,
            why=settings[name].reason if name in settings else "",
            value=given.get(name, str(getattr(suggested, name))),
            step="1" if properties[name]["type"] == "integer" else "any",
            bounds={
                attribute: properties[name][key]
                for attribute, key in (("min", "minimum"), ("max", "maximum"))
                if key in properties[name]
            },
        )
        for name, (label, hint) in _LABELS.items()
    ]


def read_training_config(form: Mapping[str, str], suggested: TrainingConfig) -> TrainingConfig:
    """The settings that the form sets otherwise than suggested; raises Problem `invalid_request` with the field named.

    What was left as it was suggested follows the rest: another method has another learning rate.
    """
    given: dict[str, Any] = {name: typed_number(form[name]) for name in _LABELS if form.get(name, "").strip()}
    if form.get("method"):
        given["method"] = form["method"]
    given = {name: value for name, value in given.items() if value != getattr(suggested, name)}
    try:
        return TrainingConfig(**given)
    except ValidationError as error:
        raise validation_problem(error) from error


def read_mapping(form: Mapping[str, str]) -> dict[str, str]:
    """The columns that the form gives a part: field `column-N` names one, `part-N` says what it is."""
    found = {}
    for name, column in form.items():
        kind, _, number = name.partition("-")
        if kind == "column" and (part := form.get(f"part-{number}")):
            found[column] = part
    return found


def typed_number(text: str) -> float | str:
    """The number that was typed (a whole one is a whole one for the model too), or the text for it to refuse."""
    try:
        return float(text)
    except ValueError:
        return text
