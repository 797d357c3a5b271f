"""The loss by chunks of the head, and what it is on each held-out row."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from webapp.training.groups import in_groups
from webapp.training.masking import IGNORED, Row
from webapp.training.memory import LOSS_CHUNK
from webapp.training.model import Hardware


def collate(rows: Sequence[Row], pad_id: int, device: str) -> dict[str, torch.Tensor]:
    """A right-padded batch: input_ids, attention_mask and labels, each [rows, longest]."""
    longest = max(len(row.input_ids) for row in rows)
    pad = [longest - len(row.input_ids) for row in rows]
    ids = [row.input_ids + [pad_id] * n for row, n in zip(rows, pad, strict=True)]
    mask = [[1] * len(row.input_ids) + [0] * n for row, n in zip(rows, pad, strict=True)]
    labels = [row.labels + [IGNORED] * n for row, n in zip(rows, pad, strict=True)]
    named = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    return {name: torch.tensor(values, device=device) for name, values in named.items()}


def token_losses(model: Any, batch: dict[str, torch.Tensor], chunk: int = LOSS_CHUNK) -> torch.Tensor:
    """Cross-entropy of each trained token in nats, [trained tokens], row after row.

    The head runs on `chunk` trained tokens at a time and is recomputed in the backward pass, so the logits never
    exist at once: 12 bytes x vocabulary x tokens are saved.
    """
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
    hidden = core.base_model(**inputs, use_cache=False).last_hidden_state[:, :-1]
    targets = batch["labels"][:, 1:]
    trained = targets != IGNORED
    config = core.config.get_text_config()
    scaling = logit_divisor(config)
    softcap = getattr(config, "final_logit_softcapping", None)  # Gemma 2 and 4 bound theirs

    def piece(states: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        logits = core.get_output_embeddings()(states).float() / scaling
        if softcap:
            logits = softcap * torch.tanh(logits / softcap)
        return torch.nn.functional.cross_entropy(logits, labels, reduction="none")

    pieces = zip(hidden[trained].split(chunk), targets[trained].split(chunk), strict=True)
    return torch.cat([checkpoint(piece, states, labels, use_reentrant=False) for states, labels in pieces])


def logit_divisor(config: Any) -> float:
    """What the class divides its logits by: Granite's `logits_scaling`; HyperCLOVA X and Cohere multiply."""
    scaling: float = getattr(config, "logits_scaling", 1.0)
    factor: float = getattr(config, "logit_scale", None) or 1.0  # Cohere
    return 1 / scaling if config.model_type == "hyperclovax" else scaling / factor


def loss_sum(model: Any, batch: dict[str, torch.Tensor], chunk: int = LOSS_CHUNK) -> torch.Tensor:
    """Summed cross-entropy of the trained tokens, in nats."""
    return token_losses(model, batch, chunk).sum()


def trained_tokens(rows: Sequence[Row]) -> int:
    """How many tokens of the rows the loss counts; a row's very first token is never predicted."""
    return sum(row.trained for row in rows)


@dataclass(frozen=True)
class RowLoss:
    """Summed cross-entropy in nats over the `tokens` trained tokens of a row of conversation `conversation`."""

    conversation: int
    total: float
    tokens: int


@torch.no_grad()
def row_losses(model: Any, rows: Sequence[Row], pad_id: int, hardware: Hardware, batch_size: int) -> list[RowLoss]:
    """The loss of each row, in the order of `rows`; how they are batched changes nothing."""
    model.eval()
    order = sorted(range(len(rows)), key=lambda index: len(rows[index].input_ids))

    def measure(indices: Sequence[int]) -> list[RowLoss]:
        batch = collate([rows[index] for index in indices], pad_id, hardware.device)
        counts = [trained_tokens([rows[index]]) for index in indices]
        with hardware.autocast():
            pieces = token_losses(model, batch).split(counts)
        losses = zip(indices, pieces, strict=True)
        return [RowLoss(rows[index].conversation, piece.sum().item(), len(piece)) for index, piece in losses]

    found = dict(in_groups(order, batch_size, measure))
    return [found[index] for index in range(len(rows))]


def starting_loss(losses: Sequence[RowLoss], hardware: Hardware) -> float:
    """The mean loss before training; RuntimeError when it is not finite, which no learning rate can mend."""
    loss = mean_loss(losses)
    if not math.isfinite(loss):
        reason = (
            "fp16 overflows: use a card with bf16 (Ampere or newer)" if hardware.needs_scaler else "see its weights"
        )
        raise RuntimeError(f"the base model's loss is {loss} before any training: {reason}")
    return loss


def mean_loss(losses: Sequence[RowLoss]) -> float:
    """Mean cross-entropy per trained token of all rows, in nats."""
    return sum(loss.total for loss in losses) / sum(loss.tokens for loss in losses)


def held_out_loss(model: Any, rows: Sequence[Row], pad_id: int, hardware: Hardware, batch_size: int) -> float:
    """Mean cross-entropy per trained token over the rows, in nats; the order of rows does not matter."""
    return mean_loss(row_losses(model, rows, pad_id, hardware, batch_size))
