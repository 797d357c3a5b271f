"""The order of the data, by optimiser steps, and how a step's rows go through the model.

What a step learns from depends on the configuration alone. How many rows are in memory at once, and whether they are
packed, is the plan's affair and changes a step's loss and gradients by no more than rounding.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from webapp.training.configuration import RunConfig
from webapp.training.evaluation import collate
from webapp.training.masking import Row
from webapp.training.packing import collate_packed, pack_rows, packing_obstacle

MicroBatch = list[list[Row]]  # a row of the batch is one training row, or several that are packed


@dataclass(frozen=True)
class BatchPlan:
    """How a step's rows go through the model: so many rows of a batch at once, so many times, packed or why not."""

    batch_size: int
    gradient_accumulation: int  # of a whole step; packing needs fewer
    not_packed: str

    @property
    def packed(self) -> bool:
        """Whether several training rows share a row of a batch."""
        return not self.not_packed

    def halved(self, config: RunConfig) -> "BatchPlan":
        """Half as many rows at once, and so many more times that a step still sees the same rows."""
        size = self.batch_size // 2
        return replace(
            self,
            batch_size=size,
            gradient_accumulation=config.gradient_accumulation * math.ceil(config.batch_size / size),
        )


def plan_batches(model: Any, config: RunConfig) -> BatchPlan:
    """The configured sizes; packing when it is asked for and this model's layers allow it."""
    not_packed = packing_obstacle(model) if config.packing else "not asked for; batches are sorted by length"
    return BatchPlan(config.batch_size, config.gradient_accumulation, not_packed)


def epoch_batches(rows: Sequence[Row], config: RunConfig, epoch: int) -> list[list[Row]]:
    """One epoch's batches: shuffled, sorted by length within pools of 50 batches, shuffled again.

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


def micro_batches(batches: Sequence[list[Row]], plan: BatchPlan, limit: int) -> list[MicroBatch]:
    """A step's batches as the plan sends them through the model; packed rows hold at most `limit` tokens."""
    if plan.packed:
        groups = [pack_rows([row for batch in batches for row in batch], limit)]
    else:
        groups = [[[row] for row in batch] for batch in batches]
    size = plan.batch_size
    return [group[start : start + size] for group in groups for start in range(0, len(group), size)]


def make_batch(micro_batch: MicroBatch, plan: BatchPlan, pad_id: int, device: str) -> dict[str, torch.Tensor]:
    """The tensors of a micro-batch, each [rows of the batch, longest of them]."""
    if plan.packed:
        return collate_packed(micro_batch, pad_id, device)
    return collate([row for group in micro_batch for row in group], pad_id, device)
