"""`tunebook estimate`: memory, time and cost of fine-tuning a model on a card."""

from pathlib import Path
from typing import get_args

import click

from webapp.catalog import Method, RunPlan, find_gpu
from webapp.catalog import estimate as estimate_run
from webapp.catalog.estimates import BATCHES, EPOCHS, LENGTHS, RANKS
from webapp.commands.analyzing import analyzed
from webapp.commands.arguments import AS_JSON, MAP
from webapp.console import print_json, show_estimate


@click.command()
@click.option(
    "--model",
    "model_id",
    required=True,
    help="A model of the catalogue (see `tunebook models`), any other of the hub as hf:org/name, or a folder: ./name.",
)
@click.option("--method", type=click.Choice(get_args(Method)), default="lora", show_default=True, help="How to train.")
@click.option(
    "--gpu", default="t4", show_default=True, help="The card: t4, l4, a100-40, ..., cpu; this-machine is looked at now."
)
@click.option(
    "--length", type=click.IntRange(*LENGTHS), default=1024, show_default=True, help="The longest row, in tokens."
)
@click.option("--batch", type=click.IntRange(*BATCHES), default=2, show_default=True, help="Rows at a time.")
@click.option("--rank", type=click.IntRange(*RANKS), default=16, show_default=True, help="The rank of LoRA adapters.")
@click.option("--no-checkpointing", is_flag=True, help="Keep all activations instead of recomputing them.")
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A dataset: the whole run on it is estimated too.",
)
@MAP
@click.option("--epochs", type=click.IntRange(*EPOCHS), default=3, show_default=True, help="With --data: of that run.")
@AS_JSON
def estimate(
    model_id: str,
    method: Method,
    gpu: str,
    length: int,
    batch: int,
    rank: int,
    no_checkpointing: bool,
    data: Path | None,
    mapping: dict[str, str],
    epochs: int,
    as_json: bool,
) -> None:
    """Estimate memory, time and cost of fine-tuning a base model, as ranges."""
    from webapp.hub import choose_model_or_folder
    from webapp.settings import Settings

    card = find_gpu(gpu)
    model = choose_model_or_folder(model_id, Settings()).model
    answer = estimate_run(
        model,
        card,
        method,
        length=length,
        batch=batch,
        rank=rank,
        checkpointing=not no_checkpointing,
        analysis=analyzed(data, mapping=mapping) if data else None,
        plan=RunPlan(epochs=epochs),
    ).to_dict()
    print_json(answer) if as_json else show_estimate(answer)
