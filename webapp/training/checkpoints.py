"""Checkpoints that survive a killed process: written beside, synced, renamed; whole by their SHA-256, or not used.

Each has a name of its own, by its step: nothing is ever replaced, and the newest is never touched until a newer one is
whole. It is not removed then either, but before the one after that is written: what was written last may not have
reached Google Drive yet.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import torch

from webapp.training.alarms import Alarm
from webapp.training.configuration import RunConfig
from webapp.training.drive import discard, discard_folder, outlives_session
from webapp.training.model import trainable_parameters
from webapp.training.precision import DESCRIPTION, STATES, described
from webapp.training.steps import Learner

PARTIAL = "checkpoint.partial"
DIGEST_BYTES = 32


@dataclass
class RunState:
    """What a run has done so far: one loss a step, (step, held-out loss) an evaluation, and the best of them.

    `seconds` and `tokens` count optimiser steps alone, not evaluations and checkpoints.
    """

    losses: list[float] = field(default_factory=list)
    evaluations: list[tuple[int, float]] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    best_step: int = 0
    best_loss: float = math.inf
    stopped_early: bool = False
    seconds: float = 0.0
    tokens: int = 0


def checkpoint_folder(config: RunConfig, dataset_sha256: str, precision: Mapping[str, str]) -> Path:
    """This run's folder with its description; checkpoints of other runs are named and left alone."""
    folder = config.checkpoints(dataset_sha256)
    description = {"dataset_sha256": dataset_sha256, **asdict(config)}
    for other in sorted({path.parent for path in folder.parent.glob(f"*/{STATES}")} - {folder}):
        print(f"{other} is of another run ({difference(other, description)}): this one starts beside it")
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(description | {"precision": precision}, indent=2)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
    return folder


def difference(folder: Path, description: dict[str, Any]) -> str:
    """Which settings of the run in `folder` are not those of `description`, in words."""
    other = described(folder)
    changed = [f"{name} {other.get(name)}" for name in description if other.get(name) != description[name]]
    return ", ".join(changed if other else []) or "of unknown settings"


def remove_checkpoints(folder: Path) -> None:
    """The run is complete: the next one starts anew."""
    discard_folder(folder)


def step_of(path: Path) -> int:
    """The step that a file of a checkpoint is named by."""
    return int(path.stem.rpartition("-")[2])


def saved_states(folder: Path) -> list[Path]:
    """The checkpoints in `folder`, the newest first."""
    return sorted(folder.glob(STATES), key=step_of, reverse=True)


def save_checkpoint(folder: Path, learner: Learner, state: RunState) -> None:
    """Everything the next step depends on. A disk that refuses is said, and the run goes on without."""
    contents = {
        "weights": detached_weights(learner.model),
        "optimizer": learner.optimizer.state_dict(),
        "scaler": learner.scaler.state_dict(),
        "rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "state": asdict(state),
    }
    for old in saved_states(folder)[1:]:
        discard(old)
    if write_whole(folder / f"state-{len(state.losses)}.pt", contents):
        discard_other_bests(folder, state.best_step)
    else:
        print(cost_of_losing(folder, state), flush=True)


def cost_of_losing(folder: Path, state: RunState) -> str:
    """What losing this session would cost now, in words, when a checkpoint could not be written."""
    kept = max(map(step_of, saved_states(folder)), default=0) if outlives_session(folder) else 0
    steps = len(state.losses) - kept
    minutes = steps * state.seconds / max(1, len(state.losses)) / 60
    return f"losing this session now costs all after step {kept} ({steps} steps, {minutes:.1f} minutes), and more later"


def load_checkpoint(folder: Path, learner: Learner) -> RunState | None:
    """What the run had done, after putting its state back; None when there is no whole checkpoint."""
    contents = newest_whole(folder)
    if contents is None:
        return None
    put_weights(learner.model, contents["weights"])
    learner.optimizer.load_state_dict(contents["optimizer"])
    if contents["scaler"]:
        learner.scaler.load_state_dict(contents["scaler"])
    torch.set_rng_state(contents["rng"])
    if len(contents["cuda_rng"]) == torch.cuda.device_count():  # else it goes on, on another machine
        torch.cuda.set_rng_state_all(contents["cuda_rng"])
    saved = contents["state"]
    state = RunState(**saved | {"alarms": [Alarm(**alarm) for alarm in saved["alarms"]]})
    discard_other_bests(folder, state.best_step)  # better ones that no checkpoint knows of will be found again
    return state


def newest_whole(folder: Path) -> Any:
    """The newest checkpoint that is whole; damaged ones are discarded, or they would pass for newer ones later."""
    for path in saved_states(folder):
        contents = read_whole(path)
        if contents is not None:
            return contents
        discard(path)
    return None


def best_path(folder: Path, step: int) -> Path:
    """Where the best weights so far are kept, until a checkpoint knows of better ones."""
    return folder / f"best-{step}.pt"


def discard_other_bests(folder: Path, step: int) -> None:
    """Leaves only the best weights of `step`."""
    for path in folder.glob("best-*.pt"):
        if path != best_path(folder, step):
            discard(path)


def keep_best(folder: Path, learner: Learner, step: int) -> bool:
    """Keeps the trained weights as they are after `step`; False when the disk refuses."""
    return write_whole(best_path(folder, step), detached_weights(learner.model))


def put_back_best(folder: Path, learner: Learner, step: int) -> bool:
    """Gives the model the weights it had after `step`; False when they are not there."""
    weights = read_whole(best_path(folder, step))
    if weights is None:
        return False
    put_weights(learner.model, weights)
    return True


def detached_weights(model: Any) -> dict[str, torch.Tensor]:
    """What training changes, by name."""
    return {name: parameter.detach() for name, parameter in trainable_parameters(model).items()}


@torch.no_grad()
def put_weights(model: Any, weights: dict[str, torch.Tensor]) -> None:
    """Copies saved weights into the model in place."""
    for name, parameter in trainable_parameters(model).items():
        parameter.copy_(weights[name])


class Hashing:
    """A file that is written to and hashed at once."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Writes and hashes `data`; returns its length."""
        self.sha256.update(data)
        return self.file.write(data)

    def flush(self) -> None:
        """Flushes the file."""
        self.file.flush()


def write_whole(path: Path, contents: Any) -> bool:
    """Writes `contents` and their SHA-256; the file appears under its name only when complete. False when it cannot."""
    partial = path.with_name(PARTIAL)
    try:
        with partial.open("wb") as file:
            hashing: Any = Hashing(file)
            torch.save(contents, hashing)
            file.write(hashing.sha256.digest())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # torch turns a full disk into a RuntimeError
        discard(partial)
        print(f"{path} could not be written ({error}): free some space; training goes on without it", flush=True)
        return False
    return True


def read_whole(path: Path) -> Any:
    """What `write_whole` wrote; None when the file is absent, or damaged, which is said."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        left = path.stat().st_size - DIGEST_BYTES
        sha256 = hashlib.sha256()
        while left > 0 and (piece := file.read(min(left, 1 << 20))):
            sha256.update(piece)
            left -= len(piece)
        if file.read() != sha256.digest():
            print(f"{path} is damaged and not used", flush=True)
            return None
    return torch.load(path, map_location="cpu", weights_only=True)
