"""What a run is made of: its parameters, checked once, and their fingerprint."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class RunConfig:
    """Every parameter of one training run; the names are those of the notebook's `parameters` cell."""

    base_model: str  # hub id, or a local folder
    method: str  # lora, qlora or full
    master_weights: str  # of full fine-tuning: 32-bit, 16-bit, or auto: 32-bit where the card has room
    lora_rank: int
    lora_alpha: int
    lora_dropout: float
    learning_rate: float
    lr_scheduler: str  # cosine or linear
    warmup_ratio: float
    weight_decay: float
    max_grad_norm: float
    num_epochs: int
    batch_size: int
    gradient_accumulation: int
    max_seq_length: int
    train_turns: str  # separate or together
    gradient_checkpointing: bool
    packing: bool
    eval_fraction: float
    seed: int
    max_steps: int  # 0: all epochs
    eval_steps: int  # 0: five evaluations over the run
    early_stopping_patience: int  # 0: never
    checkpoint_minutes: float
    sample_answers: int
    metric_answers: int
    max_new_tokens: int
    export_merged: bool
    export_gguf: bool
    push_to_hub: str  # a repository id; empty: nothing leaves this machine
    output_dir: str
    keep_on_drive: bool

    def __post_init__(self) -> None:
        if self.method not in ("lora", "qlora", "full"):
            raise ValueError(f"method is {self.method!r}; it must be 'lora', 'qlora' or 'full'")
        if self.master_weights not in ("auto", "32-bit", "16-bit"):
            raise ValueError(f"master_weights is {self.master_weights!r}; it must be 'auto', '32-bit' or '16-bit'")
        if self.lr_scheduler not in ("cosine", "linear"):
            raise ValueError(f"lr_scheduler is {self.lr_scheduler!r}; it must be 'cosine' or 'linear'")
        if self.train_turns not in ("separate", "together"):
            raise ValueError(f"train_turns is {self.train_turns!r}; it must be 'separate' or 'together'")
        for name in ("lora_rank", "num_epochs", "batch_size", "gradient_accumulation", "max_seq_length"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        for name in ("max_steps", "eval_steps", "early_stopping_patience"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must not be negative")

    @classmethod
    def from_namespace(cls, namespace: Mapping[str, Any]) -> "RunConfig":
        """The configuration that a notebook's global variables describe."""
        return cls(**{field.name: namespace[field.name] for field in fields(cls)})

    def fingerprint(self, dataset_sha256: str) -> str:
        """16 hex digits that change when the data, the model or a parameter that shapes the weights changes."""
        free = {"checkpoint_minutes", "output_dir", "keep_on_drive", "export_merged", "export_gguf", "push_to_hub"}
        free |= {"sample_answers", "metric_answers", "max_new_tokens"}
        shaping = {name: value for name, value in asdict(self).items() if name not in free}
        text = json.dumps([dataset_sha256, shaping], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def checkpoints(self, dataset_sha256: str) -> Path:
        """The folder of this run's checkpoints, named by its fingerprint."""
        return Path(self.output_dir) / "checkpoints" / self.fingerprint(dataset_sha256)
