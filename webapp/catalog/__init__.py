"""The base models and GPUs as data, what training needs of their memory, and which model suits a dataset."""

from webapp.catalog.constraints import (
    BATCH_SIZE,
    LORA_RANK,
    Exclusion,
    make_plan,
    needed_tokens,
)
from webapp.catalog.gpus import Gpu, Method, find_gpu, gpus
from webapp.catalog.memory import MemoryEstimate, adapter_parameters, estimate_memory
from webapp.catalog.models import BaseModel, Shape, find_model, models
from webapp.catalog.recommender import Recommendation, Recommended, recommend
from webapp.catalog.targets import TARGETS, deployed_gib, resolve_target
from webapp.catalog.tasks import ALIASES, TASKS, resolve_task

__all__ = [
    "ALIASES",
    "BATCH_SIZE",
    "LORA_RANK",
    "TARGETS",
    "TASKS",
    "BaseModel",
    "Exclusion",
    "Gpu",
    "MemoryEstimate",
    "Method",
    "Recommendation",
    "Recommended",
    "Shape",
    "adapter_parameters",
    "deployed_gib",
    "estimate_memory",
    "find_gpu",
    "find_model",
    "gpus",
    "make_plan",
    "models",
    "needed_tokens",
    "recommend",
    "resolve_target",
    "resolve_task",
]
