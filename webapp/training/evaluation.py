"""Measuring the model on held-out rows: loss by chunks of the head, and greedy answers."""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from webapp.training.masking import IGNORED, Row
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


def loss_sum(model: Any, batch: dict[str, torch.Tensor], chunk: int = 256) -> torch.Tensor:
    """Summed cross-entropy of the trained tokens, in nats.

    The head runs on `chunk` trained tokens at a time and is recomputed in the backward pass, so the logits never
    exist at once: 12 bytes x vocabulary x tokens are saved.
    """
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
    hidden = core.base_model(**inputs, use_cache=False).last_hidden_state[:, :-1]
    targets = batch["labels"][:, 1:]
    trained = targets != IGNORED
    config = core.config.get_text_config()
    scaling = getattr(config, "logits_scaling", 1.0)  # Granite divides its logits
    softcap = getattr(config, "final_logit_softcapping", None)  # Gemma 2 and 4 bound theirs

    def piece(states: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        logits = core.get_output_embeddings()(states).float() / scaling
        if softcap:
            logits = softcap * torch.tanh(logits / softcap)
        return torch.nn.functional.cross_entropy(logits, labels, reduction="sum")

    pieces = zip(hidden[trained].split(chunk), targets[trained].split(chunk), strict=True)
    return torch.stack([checkpoint(piece, states, labels, use_reentrant=False) for states, labels in pieces]).sum()


def trained_tokens(rows: Sequence[Row]) -> int:
    """How many tokens of the rows the loss counts; a row's very first token is never predicted."""
    return sum(row.trained for row in rows)


@torch.no_grad()
def held_out_loss(model: Any, rows: Sequence[Row], pad_id: int, hardware: Hardware, batch_size: int) -> float:
    """Mean cross-entropy per trained token over the rows, in nats; the order of rows does not matter."""
    model.eval()
    ordered = sorted(rows, key=lambda row: len(row.input_ids))
    total = 0.0
    for start in range(0, len(ordered), batch_size):
        batch = collate(ordered[start : start + batch_size], pad_id, hardware.device)
        with hardware.autocast():
            total += loss_sum(model, batch).item()
    return total / trained_tokens(ordered)


@torch.no_grad()
def answer(model: Any, tokenizer: Any, row: Row, max_new_tokens: int, hardware: Hardware) -> str:
    """The model's greedy answer to the row's prompt, at most `max_new_tokens` tokens, without special tokens.

    The empty thought that some models write before an answer is left out.
    """
    model.eval()
    prompt = torch.tensor([row.input_ids[: row.prompt_length]], device=hardware.device)
    with hardware.autocast():
        output = model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=max_new_tokens,
            do_sample=False,
            pad_token_id=tokenizer.pad_token_id,
        )
    text: str = tokenizer.decode(output[0, prompt.shape[1] :], skip_special_tokens=True)
    return re.sub(r"^\s*<think>\s*</think>", "", text).strip()
