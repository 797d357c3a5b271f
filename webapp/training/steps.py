"""One optimiser step: micro-batches, accumulation, clipping, and the learning rate at that step."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from webapp.training.batches import BatchPlan, MicroBatch, make_batch
from webapp.training.configuration import RunConfig
from webapp.training.evaluation import loss_sum, trained_tokens
from webapp.training.model import Hardware, trainable_parameters


@dataclass(frozen=True)
class Learner:
    """What takes steps: the model with its optimiser and loss scaler, and where it runs."""

    model: Any
    optimizer: Any
    scaler: Any
    hardware: Hardware
    pad_id: int


def make_learner(model: Any, config: RunConfig, hardware: Hardware, pad_id: int) -> Learner:
    """AdamW on what is trained, in one kernel on CUDA; a GradScaler that does nothing unless gradients are fp16."""
    optimizer = torch.optim.AdamW(
        list(trainable_parameters(model).values()),
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True if hardware.device == "cuda" else None,
    )
    scaler = torch.amp.GradScaler(hardware.device, enabled=hardware.needs_scaler)
    return Learner(model, optimizer, scaler, hardware, pad_id)


def learning_rate_at(step: int, total: int, config: RunConfig) -> float:
    """Linear warm-up over `warmup_ratio` of the steps, then cosine or linear decay to zero."""
    warmup = math.ceil(total * config.warmup_ratio)
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(1, total - warmup)
    left = 0.5 * (1 + math.cos(math.pi * progress)) if config.lr_scheduler == "cosine" else 1 - progress
    return config.learning_rate * left


class StepFigures(NamedTuple):
    """The mean loss per trained token in nats, and the norm of all gradients before it was clipped."""

    loss: float
    grad_norm: float


def train_step(
    learner: Learner, batches: Sequence[MicroBatch], plan: BatchPlan, rate: float, clip: float
) -> StepFigures:
    """One optimiser step over all micro-batches."""
    tokens = sum(trained_tokens(group) for batch in batches for group in batch)
    total = torch.zeros((), device=learner.hardware.device)
    for batch in batches:
        tensors = make_batch(batch, plan, learner.pad_id, learner.hardware.device)
        with learner.hardware.autocast():
            loss = loss_sum(learner.model, tensors) / tokens
        learner.scaler.scale(loss).backward()
        total += loss.detach()
    for group in learner.optimizer.param_groups:
        group["lr"] = rate
    learner.scaler.unscale_(learner.optimizer)
    trained = [parameter for group in learner.optimizer.param_groups for parameter in group["params"]]
    norm = torch.nn.utils.clip_grad_norm_(trained, clip)
    learner.scaler.step(learner.optimizer)
    learner.scaler.update()
    learner.optimizer.zero_grad(set_to_none=True)
    return StepFigures(total.item(), norm.item())
