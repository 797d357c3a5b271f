"""What a run is made of: its parameters, checked once, and their fingerprint."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class RunConfig:
    """Every parameter of one training run; the names are those of the notebook's `parameters` cell."""

    base_model: str  # hub id, or a local folder
    method: str  # lora, qlora or full
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
    gradient_checkpointing: bool
    eval_fraction: float
    seed: int
    max_steps: int  # 0: all epochs
    checkpoint_minutes: float
    sample_answers: int
    metric_answers: int
    max_new_tokens: int
    export_merged: bool
    export_gguf: bool
    push_to_hub: str  # a repository id; empty: nothing leaves this machine
    output_dir: str

    def __post_init__(self) -> None:
        if self.method not in ("lora", "qlora", "full"):
            raise ValueError(f"method is {self.method!r}; it must be 'lora', 'qlora' or 'full'")
        if self.lr_scheduler not in ("cosine", "linear"):
            raise ValueError(f"lr_scheduler is {self.lr_scheduler!r}; it must be 'cosine' or 'linear'")
        for name in ("lora_rank", "num_epochs", "batch_size", "gradient_accumulation", "max_seq_length"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")

    @classmethod
    def from_namespace(cls, namespace: Mapping[str, Any]) -> "RunConfig":
        """The configuration that a notebook's global variables describe."""
        return cls(**{field.name: namespace[field.name] for field in fields(cls)})

    def fingerprint(self, dataset_sha256: str) -> str:
        """16 hex digits that change when the data, the model or a parameter that shapes the weights changes."""
        free = {"checkpoint_minutes", "sample_answers", "metric_answers", "max_new_tokens", "output_dir"}
        free |= {"export_merged", "export_gguf", "push_to_hub"}
        shaping = {name: value for name, value in asdict(self).items() if name not in free}
        text = json.dumps([dataset_sha256, shaping], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
