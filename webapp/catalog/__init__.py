"""The base models and GPUs as data, what training takes on them, and which model suits a dataset."""

from webapp.catalog.cards import card_for, colab_cards
from webapp.catalog.case import Case, Gating
from webapp.catalog.constraints import Exclusion
from webapp.catalog.duration import Range
from webapp.catalog.estimates import Estimate, RunEstimate, estimate
from webapp.catalog.gpus import THIS_MACHINE, Gpu, Method, find_gpu, gpu_ids, gpus
from webapp.catalog.hyperparameters import Setting, Settings, suggest
from webapp.catalog.memory import MemoryEstimate, adapter_parameters, estimate_memory
from webapp.catalog.methods import METHOD_NAMES
from webapp.catalog.models import BaseModel, Shape, find_model, models
from webapp.catalog.planned import Fitting, fittings, planned_run
from webapp.catalog.presets import LORA_RANK, PRESETS, resolve_preset
from webapp.catalog.profile import Profile
from webapp.catalog.published import PublishedPeak, PublishedSpeed, published_peaks, published_speeds
from webapp.catalog.rates import TokenRates, token_rates
from webapp.catalog.recommender import Recommendation, Recommended, recommend
from webapp.catalog.targets import TARGETS, deployed_gib, resolve_target
from webapp.catalog.tasks import ALIASES, TASKS, resolve_task
from webapp.catalog.workload import RunPlan, run_tokens

__all__ = [
    "ALIASES",
    "LORA_RANK",
    "METHOD_NAMES",
    "PRESETS",
    "TARGETS",
    "TASKS",
    "THIS_MACHINE",
    "BaseModel",
    "Case",
    "Estimate",
    "Exclusion",
    "Fitting",
    "Gating",
    "Gpu",
    "MemoryEstimate",
    "Method",
    "Profile",
    "PublishedPeak",
    "PublishedSpeed",
    "Range",
    "Recommendation",
    "Recommended",
    "RunEstimate",
    "RunPlan",
    "Setting",
    "Settings",
    "Shape",
    "TokenRates",
    "adapter_parameters",
    "card_for",
    "colab_cards",
    "deployed_gib",
    "estimate",
    "estimate_memory",
    "find_gpu",
    "find_model",
    "fittings",
    "gpu_ids",
    "gpus",
    "models",
    "planned_run",
    "published_peaks",
    "published_speeds",
    "recommend",
    "resolve_preset",
    "resolve_target",
    "resolve_task",
    "run_tokens",
    "suggest",
    "token_rates",
]
