"""The plan of a run: what follows from the data and the model, with what the person has set put over it."""

from typing import NamedTuple

from webapp.catalog import BaseModel, Gpu, Profile, Settings, TokenRates, card_for, find_gpu, suggest
from webapp.datasets import Analysis
from webapp.notebooks.spec import TrainingConfig


class Plan(NamedTuple):
    """The card to train on, the settings with their reasons, and the configuration they make.

    `colab` is the card to ask Colab for: the same, or the smallest that can do it where Colab has none of these.
    """

    gpu: Gpu
    colab: Gpu
    settings: Settings
    config: TrainingConfig


def plan_run(
    analysis: Analysis,
    model: BaseModel,
    wanted: TrainingConfig | None = None,
    *,
    gpu: str | None = None,
    preset: str = "balanced",
    rates: TokenRates | None = None,
) -> Plan:
    """The plan for this data and model on the `gpu`, by default the smallest of Colab's cards that can do it.

    Raises Problem `unknown_gpu`, and those of `catalog.suggest` where what is wanted cannot work.
    """
    given = wanted.model_dump(exclude_unset=True) if wanted else {}
    profile = Profile.of(analysis, rates)
    card = find_gpu(gpu) if gpu else card_for(model, profile, given.get("method"))
    settings = suggest(profile, model, card, preset, given)
    colab = card if card.colab else card_for(model, profile, settings.memory.method)
    return Plan(card, colab, settings, TrainingConfig(**settings.values))
