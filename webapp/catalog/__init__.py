"""The base models and GPUs as data, what training needs of their memory, and which model suits a dataset."""

from webapp.catalog.constraints import (
    BATCH_SIZE,
    LORA_RANK,
    Exclusion,
    make_plan,
    needed_tokens,
)
from webapp.catalog.duration import Range
from webapp.catalog.estimates import Estimate, RunEstimate, estimate
from webapp.catalog.gpus import Gpu, Method, find_gpu, gpu_ids, gpus
from webapp.catalog.memory import MemoryEstimate, adapter_parameters, estimate_memory
from webapp.catalog.models import BaseModel, Shape, find_model, models
from webapp.catalog.published import PublishedPeak, PublishedSpeed, published_peaks, published_speeds
from webapp.catalog.recommender import Recommendation, Recommended, recommend
from webapp.catalog.targets import TARGETS, deployed_gib, resolve_target
from webapp.catalog.tasks import ALIASES, TASKS, resolve_task
from webapp.catalog.workload import RunPlan, run_tokens

__all__ = [
    "ALIASES",
    "BATCH_SIZE",
    "LORA_RANK",
    "TARGETS",
    "TASKS",
    "BaseModel",
    "Estimate",
    "Exclusion",
    "Gpu",
    "MemoryEstimate",
    "Method",
    "PublishedPeak",
    "PublishedSpeed",
    "Range",
    "Recommendation",
    "Recommended",
    "RunEstimate",
    "RunPlan",
    "Shape",
    "adapter_parameters",
    "deployed_gib",
    "estimate",
    "estimate_memory",
    "find_gpu",
    "find_model",
    "gpu_ids",
    "gpus",
    "make_plan",
    "models",
    "needed_tokens",
    "published_peaks",
    "published_speeds",
    "recommend",
    "resolve_target",
    "resolve_task",
    "run_tokens",
]
