"""A look at a row as a base model will read it, with what it learns of it; no model library is needed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from webapp.accounts import Caller
from webapp.catalog import BaseModel, find_model
from webapp.catalog.models import CatalogueEntry
from webapp.datasets import Example
from webapp.errors import Problem
from webapp.training.families import families, family_render
from webapp.training.segments import Segment, segments
from webapp.training.turns import system_is_merged
from webapp.workflow.analyses import dataset_state, open_examples
from webapp.workflow.services import Services

# A template is rendered for each message, so that time grows with the square of their number.
_MOST_MESSAGES = 100
_MOST_CHARACTERS = 200_000
_MOST_CHARACTERS_OF_TOOLS = 2_000_000  # in all: a template writes them again for each message


@dataclass(frozen=True)
class RenderedExample:
    """An example in segments; `template` names the family's chat template, and `left_out` counts messages not shown.

    `system_merged`: its system prompt is written into a user's turn, for the format has no such role.
    """

    model: BaseModel
    template: str
    system_merged: bool
    segments: list[Segment]
    left_out: int


def rendered(services: Services, caller: Caller, dataset_id: str, index: int, model_id: str) -> RenderedExample:
    """Example `index` (from 0) of a dataset as the model reads it, up to the last answer it learns from.

    Raises Problem `example_not_found` or `model_not_found` (404), and those of `analysis`.
    """
    state = dataset_state(services, caller, dataset_id)
    model = find_model(model_id)
    state.finished()
    examples = open_examples(services, state.dataset.id)
    if index >= len(examples):
        raise Problem(
            "example_not_found",
            f"There is no example {index}: the dataset has {len(examples):,}, counted from 0.",
            status=404,
            param="index",
        )
    (example,) = examples.page(index + 1, 1)
    return _as_read(example, model)


def as_read(examples: Iterable[Example], model_id: str) -> list[RenderedExample]:
    """Examples that were found before as the model reads them; raises Problem `model_not_found` (404)."""
    model = find_model(model_id)
    return [_as_read(example, model) for example in examples]


def _as_read(example: Example, model: CatalogueEntry) -> RenderedExample:
    shown = _beginning(example.messages, example.tools)
    render = family_render(families()[model.template_family])
    found, left_out = segments({"messages": shown, "tools": example.tools}, render)
    has_system = any(message["role"] == "system" for message in shown)
    return RenderedExample(
        model=model,
        template=model.template_family,
        system_merged=has_system and system_is_merged(render),
        segments=found,
        left_out=left_out + len(example.messages) - len(shown),
    )


def _beginning(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """The first messages, as many as can be shown at once; always one."""
    most = max(2, min(_MOST_MESSAGES, _MOST_CHARACTERS_OF_TOOLS // (len(json.dumps(tools or "")) + 1)))
    before = accumulate(map(_characters, messages), initial=0)
    return [
        message for message, characters in zip(messages[:most], before, strict=False) if characters <= _MOST_CHARACTERS
    ]


def _characters(message: dict[str, Any]) -> int:
    calls = message.get("tool_calls") or []
    return len(message["content"] or "") + sum(len(call["function"]["arguments"]) for call in calls)
