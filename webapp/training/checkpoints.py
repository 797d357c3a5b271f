"""Checkpoints that survive a killed process: written beside, synced, renamed; whole by their SHA-256, or not used."""

import hashlib
import json
import math
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import torch

from webapp.training.alarms import Alarm
from webapp.training.configuration import RunConfig
from webapp.training.model import trainable_parameters
from webapp.training.steps import Learner

STATE = "state.pt"
DESCRIPTION = "run.json"
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


def checkpoint_folder(config: RunConfig, dataset_sha256: str) -> Path:
    """The folder of this run, named by its fingerprint; checkpoints of other runs are named and left alone."""
    folder = Path(config.output_dir) / "checkpoints" / config.fingerprint(dataset_sha256)
    description = {"dataset_sha256": dataset_sha256, **asdict(config)}
    for other in sorted(folder.parent.glob(f"*/{STATE}")):
        if other.parent != folder:
            print(
                f"{other.parent} is of another run ({difference(other.parent, description)}): this one starts beside it"
            )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    return folder


def difference(folder: Path, description: dict[str, Any]) -> str:
    """Which settings of the run in `folder` are not those of `description`, in words."""
    try:
        other = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        changed = [f"{name} {other.get(name)}" for name in description if other.get(name) != description[name]]
    except (OSError, ValueError, AttributeError):
        changed = []
    return ", ".join(changed) or "of unknown settings"


def remove_checkpoints(folder: Path) -> None:
    """The run is complete: the next one starts anew."""
    shutil.rmtree(folder, ignore_errors=True)


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
    if write_whole(folder / STATE, contents):
        for old in folder.glob("best-*.pt"):
            if old != best_path(folder, state.best_step):
                old.unlink(missing_ok=True)


def load_checkpoint(folder: Path, learner: Learner) -> RunState | None:
    """What the run had done, after putting its state back; None when there is no whole checkpoint."""
    contents = read_whole(folder / STATE)
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
    return RunState(**saved | {"alarms": [Alarm(**alarm) for alarm in saved["alarms"]]})


def best_path(folder: Path, step: int) -> Path:
    """Where the best weights so far are kept, until a checkpoint knows of better ones."""
    return folder / f"best-{step}.pt"


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
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            hashing: Any = Hashing(file)
            torch.save(contents, hashing)
            file.write(hashing.sha256.digest())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # torch turns a full disk into a RuntimeError
        partial.unlink(missing_ok=True)
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
