"""Checkpoints that survive a killed process: written beside, synced, then renamed over the last one."""

import os
from pathlib import Path
from typing import Any

import torch

from webapp.training.model import trainable_parameters


def save_checkpoint(path: Path, step: int, model: Any, optimizer: Any, scaler: Any, losses: list[float]) -> None:
    """Everything the next step depends on, in one file that is either whole or absent."""
    state = {
        "step": step,
        "weights": {name: parameter.detach() for name, parameter in trainable_parameters(model).items()},
        "optimizer": optimizer.state_dict(),
        "scaler": scaler.state_dict(),
        "rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "losses": losses,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_checkpoint(path: Path, model: Any, optimizer: Any, scaler: Any) -> tuple[int, list[float]]:
    """(steps done, their losses) after putting the state back; (0, []) when there is no checkpoint."""
    if not path.exists():
        return 0, []
    state = torch.load(path, map_location="cpu", weights_only=True)
    with torch.no_grad():
        for name, parameter in trainable_parameters(model).items():
            parameter.copy_(state["weights"][name])
    optimizer.load_state_dict(state["optimizer"])
    scaler.load_state_dict(state["scaler"])
    torch.set_rng_state(state["rng"])
    if state["cuda_rng"]:
        torch.cuda.set_rng_state_all(state["cuda_rng"])
    return state["step"], state["losses"]
