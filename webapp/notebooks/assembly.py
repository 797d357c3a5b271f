"""From an analysed dataset and a chosen model to the specification of a notebook."""

from typing import Any, Literal

from webapp.catalog import BATCH_SIZE, LORA_RANK, BaseModel, estimate_memory, find_gpu, make_plan
from webapp.datasets import Analysis, Examples
from webapp.errors import Problem
from webapp.notebooks.delivery import Delivery, embed
from webapp.notebooks.spec import NotebookSpec, TrainingConfig
from webapp.notebooks.trainable import require_trainable

COLAB_GPU = "t4"  # the card a generated notebook asks Colab for


def assemble(
    analysis: Analysis,
    examples: Examples,
    model: BaseModel,
    filename: str,
    wanted: TrainingConfig | None = None,
    delivery: Delivery | None = None,
) -> NotebookSpec:
    """The notebook of these rows for this model; settings that `wanted` leaves open follow from the data.

    Without a `delivery` the notebook carries the rows, however many. Raises Problem `too_few_examples`,
    `no_trained_text` or `max_seq_length_too_long`.
    """
    require_trainable(analysis, examples)
    return NotebookSpec(
        model=model,
        config=effective_config(analysis, model, wanted),
        filename=filename,
        examples=analysis.total_examples,
        sha256=analysis.sha256,
        delivery=delivery or embed(examples.payload()),
    )


def effective_config(analysis: Analysis, model: BaseModel, wanted: TrainingConfig | None) -> TrainingConfig:
    """What follows from this data and model, with what the person has set put over it.

    - `num_epochs`: 3, more for small data until 100 conversations are seen, at most 25 (OpenAI's published rule);
    - `max_seq_length`: what the catalogue plans for the 99th percentile on the notebook's card;
    - `method`: LoRA where it fits on that card, else QLoRA;
    - `learning_rate`: 2e-4 for adapters, a tenth of it for full fine-tuning ("LoRA Without Regret", 2025).
    """
    chosen = wanted.model_dump(exclude_unset=True) if wanted else {}
    length = min(make_plan(analysis, find_gpu(COLAB_GPU), ("lora", "qlora")).max_seq_length, model.context_length)
    method = chosen.get("method") or suggest_method(model, length)
    suggested: dict[str, Any] = {
        "method": method,
        "num_epochs": min(25, max(3, -(-100 // max(1, analysis.total_examples)))),
        "max_seq_length": length,
        "learning_rate": 2e-5 if method == "full" else 2e-4,
    }
    config = TrainingConfig(**(suggested | chosen))
    if config.max_seq_length > model.context_length:
        raise Problem(
            "max_seq_length_too_long",
            f"max_seq_length is {config.max_seq_length:,}; the context of {model.name} ends at "
            f"{model.context_length:,} tokens.",
            param="training_config.max_seq_length",
        )
    return config


def suggest_method(model: BaseModel, max_seq_length: int) -> Literal["lora", "qlora"]:
    """LoRA where it fits on the card that the notebook asks Colab for, else QLoRA."""
    estimate = estimate_memory(
        model,
        gpu=find_gpu(COLAB_GPU),
        method="lora",
        batch_size=BATCH_SIZE,
        max_seq_length=max_seq_length,
        lora_rank=LORA_RANK,
    )
    return "lora" if estimate.fits else "qlora"
