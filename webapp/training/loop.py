"""The training loop: length-sorted batches, accumulation, clipping, a schedule, and resume."""

import math
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from webapp.training.checkpoints import load_checkpoint, save_checkpoint
from webapp.training.configuration import RunConfig
from webapp.training.evaluation import collate, loss_sum, trained_tokens
from webapp.training.masking import Row
from webapp.training.model import Hardware, trainable_parameters


def epoch_batches(rows: Sequence[Row], config: RunConfig, epoch: int) -> list[list[Row]]:
    """One epoch's micro-batches: shuffled, sorted by length within pools of 50 batches, shuffled again.

    The order depends on the seed and the epoch alone, so a resumed run sees the same rows.
    """
    shuffle = random.Random(f"{config.seed}:{epoch}")
    order = shuffle.sample(range(len(rows)), len(rows))
    pool = 50 * config.batch_size
    batches = []
    for start in range(0, len(order), pool):
        nearby = sorted(order[start : start + pool], key=lambda index: len(rows[index].input_ids))
        batches += [nearby[i : i + config.batch_size] for i in range(0, len(nearby), config.batch_size)]
    shuffle.shuffle(batches)
    return [[rows[index] for index in batch] for batch in batches]


def count_steps(rows: Sequence[Row], config: RunConfig) -> tuple[int, int]:
    """(optimiser steps per epoch, steps of the whole run)."""
    per_epoch = math.ceil(math.ceil(len(rows) / config.batch_size) / config.gradient_accumulation)
    total = per_epoch * config.num_epochs
    return per_epoch, min(total, config.max_steps) if config.max_steps else total


def learning_rate_at(step: int, total: int, config: RunConfig) -> float:
    """Linear warm-up over `warmup_ratio` of the steps, then cosine or linear decay to zero."""
    warmup = math.ceil(total * config.warmup_ratio)
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(1, total - warmup)
    left = 0.5 * (1 + math.cos(math.pi * progress)) if config.lr_scheduler == "cosine" else 1 - progress
    return config.learning_rate * left


def train_step(
    model: Any,
    micro_batches: list[list[Row]],
    optimizer: Any,
    scaler: Any,
    pad_id: int,
    hardware: Hardware,
    clip: float,
) -> float:
    """One optimiser step over all micro-batches; returns the mean loss per trained token."""
    tokens = sum(trained_tokens(rows) for rows in micro_batches)
    total = 0.0
    for rows in micro_batches:
        with hardware.autocast():
            loss = loss_sum(model, collate(rows, pad_id, hardware.device)) / tokens
        scaler.scale(loss).backward()
        total += loss.item()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(trainable_parameters(model).values(), clip)
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad(set_to_none=True)
    return total


def train(
    model: Any, rows: Sequence[Row], config: RunConfig, hardware: Hardware, pad_id: int, checkpoint_file: Path
) -> list[float]:
    """Trains in place and returns the loss of every step; goes on from `checkpoint_file` when it exists.

    RuntimeError when a loss is not finite. The checkpoint is left for a later cell to remove once results are saved.
    """
    parameters = list(trainable_parameters(model).values())
    cuda = hardware.device == "cuda"
    optimizer = torch.optim.AdamW(
        parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True if cuda else None
    )
    scaler = torch.amp.GradScaler(hardware.device, enabled=hardware.needs_scaler)
    first, losses = load_checkpoint(checkpoint_file, model, optimizer, scaler)
    if first:
        print(f"resuming after step {first} from {checkpoint_file}", flush=True)
    per_epoch, total = count_steps(rows, config)
    started = saved = time.monotonic()
    epoch, batches = -1, []
    model.train()
    for step in range(first, total):
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            batches = epoch_batches(rows, config, epoch)
        rate = learning_rate_at(step, total, config)
        for group in optimizer.param_groups:
            group["lr"] = rate
        start = step % per_epoch * config.gradient_accumulation
        micro_batches = batches[start : start + config.gradient_accumulation]
        losses.append(train_step(model, micro_batches, optimizer, scaler, pad_id, hardware, config.max_grad_norm))
        if not math.isfinite(losses[-1]):
            raise RuntimeError(f"the loss is {losses[-1]} at step {step + 1}: lower the learning rate")
        if (step + 1) % max(1, total // 25) == 0 or step + 1 == total:
            left = (time.monotonic() - started) / (step + 1 - first) * (total - step - 1)
            print(
                f"step {step + 1}/{total}  epoch {(step + 1) / per_epoch:.2f}  loss {losses[-1]:.4f}  "
                f"learning rate {rate:.1e}  {left:.0f} s left",
                flush=True,
            )
        if time.monotonic() - saved >= config.checkpoint_minutes * 60 and step + 1 < total:
            save_checkpoint(checkpoint_file, step + 1, model, optimizer, scaler, losses)
            saved = time.monotonic()
    return losses
