"""Packing: several training rows in one row of a batch, each blind to the others.

Without an attention mask, transformers builds a block-diagonal one from position ids that restart at every row, and
the result is the same to rounding as one row at a time. Layers that carry a state along a row do not look at positions.
"""

import re
from collections.abc import Sequence
from typing import Any

import torch

from webapp.training.masking import IGNORED, Row
from webapp.training.model import OTHER_TOWERS

PACKABLE_LAYERS = ("full_attention", "sliding_attention")
MASKED_BY_POSITION = ("sdpa", "eager")  # attention kernels that are given the block-diagonal mask


def packing_obstacle(model: Any) -> str:
    """Why rows of this model must not share a row of a batch; empty when they may.

    Measured on LFM2, Qwen3.5 and Granite 4 hybrids: packed gradients are wrong by 3 to 70 %, since the state of a
    convolution or of linear attention runs on from one conversation into the next.
    """
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    config = core.config.get_text_config()
    stateful = set(getattr(config, "layer_types", None) or ()) - set(PACKABLE_LAYERS)
    if any(isinstance(part, torch.nn.Conv1d) and not re.fullmatch(OTHER_TOWERS, n) for n, part in core.named_modules()):
        stateful = stateful or {"convolution"}
    if stateful:
        kinds = " and ".join(sorted(stateful))
        return f"{type(core).__name__} has {kinds} layers, whose state would leak from one row into the next"
    if config._attn_implementation not in MASKED_BY_POSITION:
        return f"its attention runs on {config._attn_implementation}, which is not proven to keep packed rows apart"
    return ""


def pack_rows(rows: Sequence[Row], limit: int) -> list[list[Row]]:
    """The rows in groups of at most `limit` tokens, fullest first: best fit, longest row first."""
    groups: list[list[Row]] = []
    room: list[int] = []
    for row in sorted(rows, key=lambda row: len(row.input_ids), reverse=True):
        length = len(row.input_ids)
        fitting = [index for index, left in enumerate(room) if left >= length]
        if fitting:
            best = min(fitting, key=room.__getitem__)
            groups[best].append(row)
            room[best] -= length
        else:
            groups.append([row])
            room.append(limit - length)
    return [groups[index] for index in sorted(range(len(groups)), key=room.__getitem__)]


def collate_packed(groups: Sequence[Sequence[Row]], pad_id: int, device: str) -> dict[str, torch.Tensor]:
    """A batch with a group in each row: input_ids, position_ids and labels, each [groups, longest group].

    Positions restart at every row and at the padding, which so becomes one more row that nothing learns from.
    """
    longest = max(sum(len(row.input_ids) for row in group) for group in groups)
    ids, positions, labels = [], [], []
    for group in groups:
        pad = longest - sum(len(row.input_ids) for row in group)
        ids.append([token for row in group for token in row.input_ids] + [pad_id] * pad)
        positions.append([place for row in group for place in range(len(row.input_ids))] + list(range(pad)))
        # A row's first token is never predicted: what stands before it is another row's end.
        labels.append([label for row in group for label in (IGNORED, *row.labels[1:])] + [IGNORED] * pad)
    named = {"input_ids": ids, "position_ids": positions, "labels": labels}
    return {name: torch.tensor(values, device=device) for name, values in named.items()}
