"""What each setting of a run is, and what it does to memory and time, in words."""

from typing import NamedTuple


class Said(NamedTuple):
    """A setting's label, what it is, and what more of it does to memory and time."""

    label: str
    hint: str
    effect: str


_NEITHER = "Memory and time stay as they are."
MAIN = ""

# The settings by group, in the order of the form; the first group is always shown.
GROUPS: dict[str, dict[str, Said]] = {
    MAIN: {
        "method": Said(
            "Method",
            "LoRA trains small adapters, QLoRA the same over 4-bit weights, full fine-tuning every weight.",
            "QLoRA takes the least memory and a third more time; full takes several times the memory.",
        ),
        "num_epochs": Said("Epochs", "How often each row is seen.", "Time grows with it; memory does not."),
        "learning_rate": Said("Learning rate", "How far each step goes.", _NEITHER),
        "lora_rank": Said("LoRA rank", "Size of the adapters.", "More takes more memory, and hardly more time."),
        "lora_alpha": Said("LoRA alpha", "Strength of the adapters.", _NEITHER),
        "batch_size": Said(
            "Batch size", "Rows at a time.", "More takes more memory; time falls until the GPU is busy."
        ),
        "gradient_accumulation": Said(
            "Gradient accumulation", "Batches per step.", "No more memory; fewer and larger steps."
        ),
        "max_seq_length": Said(
            "Longest row in tokens", "Longer rows are cut.", "Memory grows with it; time where rows are no longer cut."
        ),
    },
    "Learning": {
        "lr_scheduler": Said("Learning rate schedule", "How the rate falls after the warm-up.", _NEITHER),
        "warmup_ratio": Said("Warm-up", "Share of the steps in which the rate rises.", _NEITHER),
        "weight_decay": Said("Weight decay", "Pulls trained weights towards zero.", _NEITHER),
        "max_grad_norm": Said("Gradient limit", "Gradients are clipped to this norm.", _NEITHER),
        "lora_dropout": Said("LoRA dropout", "Share of the adapters' input left out at random.", _NEITHER),
        "seed": Said("Seed", "The same seed gives the same split, order and adapters.", _NEITHER),
    },
    "Rows": {
        "train_turns": Said(
            "Answers of a conversation",
            "Separate: a row for each answer. Together: one row, where the chat template allows it.",
            "Together takes less time where conversations have several answers.",
        ),
        "packing": Said("Packing", "Several short rows in one.", "Each row is full: fewer steps, less padding."),
        "eval_fraction": Said("Held out", "Share of the conversations never trained on.", "More leaves less to train."),
    },
    "Memory": {
        "gradient_checkpointing": Said(
            "Gradient checkpointing", "Computes activations again instead of keeping them.", "Less memory, more time."
        ),
        "master_weights": Said(
            "Weights while training",
            "Of full fine-tuning only; auto takes 32-bit where the card has room.",
            "32-bit takes twice the memory of 16-bit.",
        ),
    },
    "Length and checkpoints": {
        "max_steps": Said("Steps at most", "0: all epochs.", "Fewer take less time."),
        "eval_steps": Said("Steps between evaluations", "0: five over the run.", "Fewer between take more time."),
        "early_stopping_patience": Said(
            "Early stopping", "Ends after so many evaluations without a better loss; 0: never.", "May end it sooner."
        ),
        "checkpoint_minutes": Said(
            "Minutes between checkpoints", "What an interruption can cost.", "Fewer write more often."
        ),
    },
    "Answers and results": {
        "sample_answers": Said("Answers shown", "Side by side, before and after.", "Each is part of the metrics'."),
        "metric_answers": Said("Answers for metrics", "Written for held-out prompts.", "More take more time."),
        "max_new_tokens": Said("Longest answer", "Tokens of a written answer.", "More may take more time."),
        "keep_on_drive": Said("Keep on Drive", "On Colab, checkpoints and results go to Google Drive.", _NEITHER),
        "export_merged": Said(
            "Merged model", "Also a 16-bit model with the adapter in it.", "Time and disk at the end."
        ),
        "export_gguf": Said("GGUF file", "Also a file for llama.cpp and Ollama.", "Time and disk at the end."),
        "push_to_hub": Said(
            "Push to the hub", "A private repository of yours, as name or owner/name.", "An upload at the end."
        ),
    },
}

# What each field of the form is called.
LABELS = {"gpu": "GPU"} | {name: said.label for group in GROUPS.values() for name, said in group.items()}
