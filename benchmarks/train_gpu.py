"""Training steps on a GPU against other stacks, in one run on one card: `python benchmarks/train_gpu.py`.

Models have the shapes of Qwen3-0.6B and Llama-3.2-1B and random weights; data are random tokens, 2 rows of 1,024 and 8
rows of 2,048, every token of the second half trained on; rank 16 on all linear layers, gradient checkpointing. Each
stack takes the same steps in a process of its own, from the same weights and rows. Shown are tokens per second of the
steps after the first three, peak memory, and the loss of the last step, by which the stacks can be compared.

    tunebook    this project's train_step
    trainer     transformers' Trainer with peft
    trl         SFTTrainer on the same token ids
    unsloth     FastLanguageModel with Trainer

A stack that is not installed is left out and named. `--tiny` runs miniature shapes on any machine, as a check of this
program; its figures say nothing.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from webapp.catalog import find_model
from webapp.training.batches import plan_batches
from webapp.training.configuration import RunConfig
from webapp.training.masking import Row
from webapp.training.model import find_hardware, load_model
from webapp.training.steps import make_learner, train_step

MODELS = ("qwen3-0.6b", "llama-3.2-1b")
SIZES = ((2, 1024), (8, 2048))
METHODS = ("lora", "qlora")
STEPS, WARM = 13, 3
RANK, RATE = 16, 2e-4
TINY = {"hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 2, "vocab_size": 1000}
Clock = Callable[[], Any]


def settings(folder: Path, method: str, batch: int, length: int) -> RunConfig:
    """The same run for every stack."""
    return RunConfig(
        base_model=str(folder), method=method, master_weights="auto", lora_rank=RANK, lora_alpha=2 * RANK,
        lora_dropout=0.0, learning_rate=RATE, lr_scheduler="linear", warmup_ratio=0.0, weight_decay=0.0,
        max_grad_norm=1.0, num_epochs=1, batch_size=batch, gradient_accumulation=1, max_seq_length=length,
        packing=False, gradient_checkpointing=True, eval_fraction=0.1, eval_steps=0, early_stopping_patience=0,
        seed=42, max_steps=STEPS, checkpoint_minutes=60.0, keep_on_drive=False, sample_answers=0, max_new_tokens=1,
        output_dir=str(folder / "out"),
    )  # fmt: skip


def random_rows(vocabulary: int, batch: int, length: int) -> list[Row]:
    """STEPS batches of rows, the same for every stack."""
    draw = random.Random(0)
    return [
        Row(index, 1, draw.choices(range(10, vocabulary), k=length), length // 2, False)
        for index in range(STEPS * batch)
    ]


def make_folder(folder: Path, model_id: str, tiny: bool) -> int:
    """A model folder with random weights in 16 bits; answers its vocabulary."""
    from transformers import AutoConfig, AutoModelForCausalLM

    shape = find_model(model_id).shape
    values = shape.config_values() | (TINY if tiny else {})
    torch.manual_seed(0)
    config = AutoConfig.for_model(shape.model_type, **values)
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    return int(values["vocab_size"])


@contextmanager
def measured(seconds: list[float]) -> Iterator[None]:
    """Appends how long the body took, work on the card included."""
    synchronise()
    began = time.perf_counter()
    yield
    synchronise()
    seconds.append(time.perf_counter() - began)


def synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def tunebook(config: RunConfig, rows: list[Row]) -> tuple[list[float], list[float]]:
    hardware = find_hardware()
    model = load_model(config, hardware)
    learner, plan = make_learner(model, config, hardware, pad_id=0), plan_batches(model, config)
    model.train()
    seconds: list[float] = []
    losses = []
    for step in range(STEPS):
        batch = [[row] for row in rows[step * config.batch_size : (step + 1) * config.batch_size]]
        with measured(seconds):
            losses.append(train_step(learner, [batch], plan, RATE, config.max_grad_norm).loss)
    return seconds, losses


def trainer(config: RunConfig, rows: list[Row]) -> tuple[list[float], list[float]]:
    return with_trainer(config, rows, load_model(replace(config, gradient_checkpointing=False), find_hardware()))


def unsloth(config: RunConfig, rows: list[Row]) -> tuple[list[float], list[float]]:
    from unsloth import FastLanguageModel

    model, _ = FastLanguageModel.from_pretrained(
        config.base_model, max_seq_length=config.max_seq_length, load_in_4bit=config.method == "qlora"
    )
    model = FastLanguageModel.get_peft_model(
        model, r=RANK, lora_alpha=2 * RANK, lora_dropout=0, use_gradient_checkpointing="unsloth"
    )
    return with_trainer(config, rows, model)


def with_trainer(config: RunConfig, rows: list[Row], model: Any) -> tuple[list[float], list[float]]:
    from transformers import Trainer, TrainingArguments

    return run_trainer(Trainer, TrainingArguments, config, rows, model)


def trl(config: RunConfig, rows: list[Row]) -> tuple[list[float], list[float]]:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    model = load_model(replace(config, gradient_checkpointing=False), find_hardware())
    as_it_is = partial(SFTConfig, dataset_kwargs={"skip_prepare_dataset": True}, max_length=None)
    return run_trainer(SFTTrainer, as_it_is, config, rows, model, dataset=Dataset.from_list)


def run_trainer(
    kind: Any, arguments_kind: Any, config: RunConfig, rows: list[Row], model: Any, dataset: Any = list
) -> tuple[list[float], list[float]]:
    """Any Trainer on the same rows in the same order, each optimiser step timed."""
    from transformers import TrainerCallback

    seconds: list[float] = []
    losses: list[float] = []

    class Watch(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            synchronise()
            self.began = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            synchronise()
            seconds.append(time.perf_counter() - self.began)

        def on_log(self, _arguments: Any, _state: Any, _control: Any, logs: Any = None, **__: Any) -> None:
            losses.extend([logs["loss"]] if logs and "loss" in logs else [])

    hardware = find_hardware()
    known = {
        "output_dir": config.output_dir, "per_device_train_batch_size": config.batch_size, "max_steps": STEPS,
        "learning_rate": RATE, "lr_scheduler_type": "constant", "weight_decay": 0.0, "logging_steps": 1,
        "report_to": [], "save_strategy": "no", "remove_unused_columns": False, "gradient_checkpointing": True,
        "gradient_checkpointing_kwargs": {"use_reentrant": False}, "bf16": hardware.dtype == torch.bfloat16,
        "fp16": hardware.needs_scaler, "use_cpu": hardware.device == "cpu", "dataloader_pin_memory": False,
    }  # fmt: skip
    if hasattr(model, "enable_input_require_grads"):
        model.enable_input_require_grads()
    data = [
        {"input_ids": row.input_ids, "labels": row.labels, "attention_mask": [1] * len(row.input_ids)} for row in rows
    ]

    def collate(items: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        return {name: torch.tensor([item[name] for item in items]) for name in items[0]}

    run = kind(
        model=model,
        args=arguments_kind(**known),
        train_dataset=dataset(data),
        data_collator=collate,
        callbacks=[Watch()],
    )
    run.get_train_dataloader = lambda: run.accelerator.prepare(
        torch.utils.data.DataLoader(data, batch_size=config.batch_size, collate_fn=collate)
    )
    run.train()
    return seconds, losses


STACKS = {"tunebook": tunebook, "trainer": trainer, "trl": trl, "unsloth": unsloth}


def measure(stack: str, folder: Path, method: str, batch: int, length: int) -> None:
    """Runs one stack in this process, and prints what it took; a missing package is told as such."""
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    config = settings(folder, method, batch, length)
    try:
        seconds, losses = STACKS[stack](config, random_rows(vocabulary, batch, length))
    except ImportError as error:
        print(json.dumps({"missing": str(error)}))
        return
    peak = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else None
    speed = batch * length * (STEPS - WARM) / sum(seconds[WARM:])
    print(json.dumps({"tokens_per_second": speed, "peak_gib": peak, "loss": losses[-1]}))


def compare(tiny: bool) -> None:
    """Prints a line a stack and case, with the speed against the fastest other stack."""
    print(f"{find_hardware().name}, torch {torch.__version__}")
    for model_id in MODELS:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            make_folder(folder, model_id, tiny)
            for method in METHODS:
                for batch, length in [(2, 32)] if tiny else SIZES:
                    show(f"{model_id} {method} {batch} x {length}", folder, method, batch, length)


def show(title: str, folder: Path, method: str, batch: int, length: int) -> None:
    print(f"\n{title}\n{'':10} {'tokens/s':>10} {'peak GiB':>9} {'last loss':>10}")
    speeds = {}
    for stack in STACKS:
        command = [sys.executable, __file__, "--stack", stack, "--folder", str(folder), "--method", method]
        done = subprocess.run(
            [*command, "--batch", str(batch), "--length", str(length)], capture_output=True, text=True
        )
        found = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {"missing": done.stderr[-300:]}
        if "missing" in found:
            print(f"{stack:10} not run: {found['missing'].strip().splitlines()[-1]}")
            continue
        speeds[stack] = found["tokens_per_second"]
        peak = f"{found['peak_gib']:9.2f}" if found["peak_gib"] is not None else f"{'':>9}"
        print(f"{stack:10} {found['tokens_per_second']:10,.0f} {peak} {found['loss']:10.4f}")
    others = [speed for stack, speed in speeds.items() if stack != "tunebook"]
    if others and "tunebook" in speeds:
        print(f"tunebook is {speeds['tunebook'] / max(others):.2f} times as fast as the fastest other stack")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--tiny", action="store_true", help="miniature shapes, on any machine: a check, no figures")
    for name in ("stack", "folder", "method"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    for name in ("batch", "length"):
        parser.add_argument(f"--{name}", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stack:
        measure(arguments.stack, Path(arguments.folder), arguments.method, arguments.batch, arguments.length)
    elif not arguments.tiny and not torch.cuda.is_available():
        raise SystemExit("These shapes need a CUDA GPU; --tiny checks the program on any machine.")
    else:
        compare(arguments.tiny)


if __name__ == "__main__":
    main()
