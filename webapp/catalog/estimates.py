"""What fine-tuning a model on a card takes: memory, time and money, in one object."""

import math
from typing import Any, Literal, NamedTuple

import msgspec

from webapp.catalog.duration import (
    Range,
    around,
    batch_seconds,
    forward_seconds,
    minutes_per_million_tokens,
    writing_seconds,
)
from webapp.catalog.gpus import Gpu, Method
from webapp.catalog.memory import GIB, MemoryEstimate, dimensions, estimate_memory
from webapp.catalog.models import BaseModel
from webapp.catalog.prices import Cost, costs, unpriced
from webapp.catalog.workload import ANSWERS_TOGETHER, RunPlan, run_tokens, trained_batches, workload
from webapp.datasets import Analysis
from webapp.errors import Problem

Fit = Literal["fits", "tight", "no", "needs_bf16"]


class Bounds(NamedTuple):
    """The least and the most that may be asked for."""

    least: int
    most: int


LENGTHS, BATCHES, RANKS, EPOCHS = Bounds(32, 131_072), Bounds(1, 512), Bounds(1, 256), Bounds(1, 100)


class RunEstimate(msgspec.Struct, frozen=True):
    """A whole run on a dataset: its training tokens, and minutes with evaluations, checkpoints and written answers.

    Downloads, loading, the probe and exports are not in it.
    """

    tokens: int
    minutes: Range
    costs: tuple[Cost, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON data, `run` of an estimate and of a recommendation."""
        plain: dict[str, Any] = _rounded(msgspec.to_builtins(self))
        return plain


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """Memory and speed of training `model_id` by `method` on `gpu`; `run` where a dataset was given.

    `unpriced` names who has the card at a price that is not known.
    """

    model_id: str
    method: Method
    gpu: str
    checkpointing: bool
    memory: MemoryEstimate
    fit: Fit
    minutes_per_million_tokens: Range
    costs_per_million_tokens: tuple[Cost, ...]
    unpriced: tuple[str, ...] = ()
    run: RunEstimate | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON data, the body of `GET /estimate`."""
        memory = self.memory
        others = {name: getattr(self, name) for name in self.__struct_fields__ if name not in ("memory", "run")}
        gib = {"low": memory.low, "mid": memory.mid, "high": memory.high, "card": memory.gpu_gib}
        return {
            **_rounded(msgspec.to_builtins(others)),
            "run": self.run and self.run.to_dict(),
            "max_seq_length": memory.max_seq_length,
            "batch_size": memory.batch_size,
            "lora_rank": memory.lora_rank,
            "memory_gib": _rounded(gib | {"parts": dict(memory.parts)}),
            "fits": self.fit == "fits",
        }


def _rounded(data: Any) -> Any:
    """The same JSON data with four digits of every fraction: no estimate is worth more."""
    if isinstance(data, dict):
        return {name: _rounded(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [_rounded(value) for value in data]
    return float(f"{data:.4g}") if isinstance(data, float) else data


def estimate(
    model: BaseModel,
    gpu: Gpu,
    method: Method,
    *,
    length: int,
    batch: int,
    rank: int = 16,
    checkpointing: bool = True,
    analysis: Analysis | None = None,
    plan: RunPlan | None = None,
) -> Estimate:
    """Memory, time and cost of micro-batches of `batch` x `length` tokens; of a whole run with `analysis` and `plan`.

    Raises Problem `method_unavailable` or `invalid_length`.
    """
    if method not in gpu.methods:
        raise Problem("method_unavailable", f"{method} cannot be run on the {gpu.name}.", param="method")
    if length > model.context_length:
        raise Problem(
            "invalid_length",
            f"{model.name} reads at most {model.context_length:,} tokens; ask for a shorter length.",
            param="length",
        )
    memory = estimate_memory(
        model,
        gpu=gpu,
        method=method,
        batch_size=batch,
        max_seq_length=length,
        lora_rank=rank,
        checkpointing=checkpointing,
    )
    of = dimensions(model)
    minutes = minutes_per_million_tokens(of, gpu, method, rows=batch, length=length, checkpointing=checkpointing)
    run = None
    if analysis is not None:
        wanted = msgspec.structs.replace(plan or RunPlan(), batch_size=batch, max_seq_length=length, lora_rank=rank)
        run = run_estimate(model, gpu, method, analysis, wanted, checkpointing=checkpointing)
    return Estimate(
        model_id=model.id,
        method=method,
        gpu=gpu.id,
        checkpointing=checkpointing,
        memory=memory,
        fit=fit_of(model, gpu, memory),
        minutes_per_million_tokens=minutes,
        costs_per_million_tokens=costs(gpu.id, minutes),
        unpriced=unpriced(gpu),
        run=run,
    )


def fit_of(model: BaseModel, gpu: Gpu, memory: MemoryEstimate) -> Fit:
    """Whether it fits with room to spare, only just, or not at all; or the card cannot compute what it needs."""
    if gpu.fp16 and not model.t4:
        return "needs_bf16"
    if memory.fits:
        return "fits"
    return "tight" if memory.mid <= gpu.memory_gib else "no"


def run_estimate(
    model: BaseModel, gpu: Gpu, method: Method, analysis: Analysis, plan: RunPlan, *, checkpointing: bool = True
) -> RunEstimate:
    """Time and cost of a whole run on this data: optimiser steps, evaluations, answers, checkpoints."""
    of, load = dimensions(model), workload(analysis, plan)
    batch = batch_seconds(of, gpu, method, rows=load.rows, length=load.length, checkpointing=checkpointing)
    evaluation = load.eval_batches * forward_seconds(of, gpu, method, rows=load.rows, length=load.length)
    token = forward_seconds(of, gpu, method, rows=1, length=1)
    answers = 2 * math.ceil(plan.answers / ANSWERS_TOGETHER) * plan.max_new_tokens * token
    training = trained_batches(load, plan) * batch
    parts = estimate_memory(
        model,
        gpu=gpu,
        method=method,
        batch_size=plan.batch_size,
        max_seq_length=plan.max_seq_length,
        lora_rank=plan.lora_rank,
        checkpointing=checkpointing,
    ).parts
    writing = writing_seconds(
        parts["gradients"] * GIB,  # as many bytes as the weights that they are of
        parts["optimizer"] * GIB,
        training=training,
        evaluations=plan.evaluations,
    )
    minutes = around((training + (plan.evaluations + 1) * evaluation + answers + writing) / 60)
    return RunEstimate(run_tokens(analysis, plan), minutes, costs(gpu.id, minutes))
