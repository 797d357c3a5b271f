"""Rows that go through the model in groups; a group that does not fit into memory is halved."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from webapp.training.model import free_cache


def is_out_of_memory(error: RuntimeError) -> bool:
    """CUDA has an exception of its own; the CPU's allocator tells it in words only."""
    said = str(error)
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in said or "DefaultCPUAllocator" in said


def in_groups(
    order: Sequence[int], size: int, work: Callable[[Sequence[int]], Sequence[Any]]
) -> Iterator[tuple[int, Any]]:
    """Each index of `order` with what `work` makes of it, `size` of them at a time.

    Where memory runs out, that group and those after it are half as large, which is said. The error of a single index
    is raised.
    """
    start = 0
    while start < len(order):
        group = order[start : start + size]
        try:
            made = work(group)
        except RuntimeError as error:
            if len(group) == 1 or not is_out_of_memory(error):
                raise
            made = None
        if made is None:  # here the error no longer holds what the group had taken
            size = len(group) // 2
            print(f"out of memory: {len(group)} rows at a time become {size}", flush=True)
            free_cache()
            continue
        yield from zip(group, made, strict=True)
        start += len(group)
