"""The forms on the way to a plan: what can be chosen, and what the model is for."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from werkzeug.datastructures import MultiDict

from webapp.catalog import METHOD_NAMES, PRESETS, TARGETS, TASKS, THIS_MACHINE, Gating, gpus
from webapp.datasets import PARTS, Analysis

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


# Is sent along with the languages that are ticked, to tell that none is from a page that was not asked yet.
NO_LANGUAGE = "none"
_CHOSEN = ("task_type", "deployment_target", "gpu", "preset", "gated")
_GATING: dict[Gating, str] = {"last": "after all others", "equal": "like any other", "exclude": "not at all"}


@dataclass(frozen=True)
class Purpose:
    """What the model is for; `language` names those that count, all of the data's where it is empty."""

    task_type: str = ""
    deployment_target: str = "desktop"
    gpu: str = "t4"
    preset: str = "balanced"
    gated: str = "last"
    language: tuple[str, ...] = ()

    @classmethod
    def read(cls, values: MultiDict[str, str]) -> Self:
        """The purpose in a query string or a form."""
        given: dict[str, Any] = {name: values[name] for name in _CHOSEN if values.get(name)}
        return cls(**given, language=tuple(values.getlist("language")))

    def completed(self, report: Analysis) -> Self:
        """The same for a dataset: without a task the one its rows look like; all of its languages are no choice.

        Where some were to be chosen and none of the data's was, NO_LANGUAGE stands for that.
        """
        found = tuple(code for code in report.languages.shares if code in self.language)
        is_choice = self.language and len(found) < len(report.languages.shares)
        chosen = (found or (NO_LANGUAGE,)) if is_choice else ()
        return replace(self, task_type=self.task_type or report.task_guess.task, language=chosen)

    @property
    def query(self) -> dict[str, Any]:
        """The same as a query string has it: what is not usual."""
        usual = type(self)()
        return {name: value for name, value in asdict(self).items() if value != getattr(usual, name)}


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


def typed_number(text: str) -> float | str:
    """The number that was typed (a whole one is a whole one for the model too), or the text for it to refuse."""
    try:
        return float(text)
    except ValueError:
        return text
