"""The probe: the longest batch goes forward and back once before training, so that memory runs out now or never."""

from collections.abc import Sequence
from typing import Any

import torch

from webapp.training.batches import BatchPlan, make_batch, micro_batches, plan_batches
from webapp.training.configuration import RunConfig
from webapp.training.evaluation import loss_sum
from webapp.training.groups import is_out_of_memory
from webapp.training.masking import Row
from webapp.training.model import Hardware, free_cache, trainable_parameters


def find_batch_plan(model: Any, rows: Sequence[Row], config: RunConfig, hardware: Hardware, pad_id: int) -> BatchPlan:
    """The configured plan if its longest batch fits into memory, else with the batch halved until it does.

    The model, its gradients and the random state are left as they were. RuntimeError when a single row does not fit.
    """
    plan = plan_batches(model, config)
    while not probe_fits(model, longest_batch(rows, config, plan, hardware, pad_id), hardware):
        if plan.batch_size == 1:
            raise RuntimeError(
                f"not even one row of the longest batch fits into memory: lower max_seq_length (now "
                f"{config.max_seq_length}), set gradient_checkpointing to True (now {config.gradient_checkpointing}), "
                f"use qlora (now {config.method}) or choose a smaller model"
            )
        smaller = plan.halved(config)
        print(
            f"out of memory: batch size {plan.batch_size} becomes {smaller.batch_size}, gradient accumulation "
            f"{plan.gradient_accumulation} becomes {smaller.gradient_accumulation}; a step sees the same rows"
        )
        plan = smaller
    return plan


def longest_batch(
    rows: Sequence[Row], config: RunConfig, plan: BatchPlan, hardware: Hardware, pad_id: int
) -> dict[str, torch.Tensor]:
    """The largest batch that a step made of the longest rows would have: no batch of the run is larger."""
    size = config.batch_size
    longest = sorted(rows, key=lambda row: len(row.input_ids), reverse=True)[: size * config.gradient_accumulation]
    step = [longest[start : start + size] for start in range(0, len(longest), size)]
    batches = [
        make_batch(batch, plan, pad_id, hardware.device) for batch in micro_batches(step, plan, config.max_seq_length)
    ]
    return max(batches, key=lambda batch: batch["input_ids"].numel())


def probe_fits(model: Any, batch: dict[str, torch.Tensor], hardware: Hardware) -> bool:
    """Whether a forward and backward pass over the batch fits beside gradients and optimiser state.

    On CUDA it prints the peak, and the counter is set back afterwards.
    """
    was_training = model.training
    model.train()
    fits = passes_once(model, batch, hardware)
    model.train(was_training)
    free_cache()
    if hardware.device == "cuda":
        if fits:
            whole = torch.cuda.get_device_properties(0).total_memory
            print(f"peak memory {torch.cuda.max_memory_allocated() / 1e9:.2f} GB of {whole / 1e9:.2f} GB")
        torch.cuda.reset_peak_memory_stats()
    return fits


def passes_once(model: Any, batch: dict[str, torch.Tensor], hardware: Hardware) -> bool:
    """One forward and backward pass without a step; False when memory ran out."""
    trained = list(trainable_parameters(model).values())
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            # What the second step of a run finds there: AdamW's two moments, and the gradients of an earlier batch.
            moments = [torch.zeros_like(parameter) for parameter in trained for _ in range(2)]
            for parameter in trained:
                parameter.grad = torch.zeros_like(parameter)
            with hardware.autocast():
                loss = loss_sum(model, batch)
            loss.backward()
            del moments
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        for parameter in trained:
            parameter.grad = None
    return True
