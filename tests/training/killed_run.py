"""A training run in a process of its own, to be killed."""

from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import peft  # noqa: F401 (loaded once, for all runs: it takes longest)
import torch

from webapp.training.batches import plan_batches
from webapp.training.checkpoints import checkpoint_folder
from webapp.training.configuration import RunConfig
from webapp.training.evaluation import held_out_loss
from webapp.training.loop import train
from webapp.training.masking import build_rows, tokenizer_encode
from webapp.training.model import find_hardware, load_model, load_tokenizer, trainable_parameters
from webapp.training.precision import precision_of
from webapp.training.progress_reports import Reporter
from webapp.training.steps import make_learner
from webapp.training.turns import tokenizer_render


def run(config: RunConfig, conversations: list[dict[str, Any]], folder: Path, said: Connection) -> None:
    """Trains, or goes on; says "training" once everything is loaded, then from which step it goes on.

    When the run is complete, `results.pt` in `folder` has its losses, and the held-out loss and adapter it ended with.
    """
    torch.set_num_threads(1)
    tokenizer, hardware = load_tokenizer(config), find_hardware()
    render, encode = tokenizer_render(tokenizer), tokenizer_encode(tokenizer)
    rows = build_rows(conversations, range(48), render, encode, config.max_seq_length)
    held_out = build_rows(conversations, range(48, 60), render, encode, config.max_seq_length)
    model, pad_id = load_model(config, hardware), tokenizer.pad_token_id
    checkpoints = checkpoint_folder(config, "0" * 64, precision_of(config, hardware))
    said.send("training")
    learner = make_learner(model, config, hardware, pad_id)
    training = train(learner, rows, held_out, config, plan_batches(model, config), checkpoints, 99.0, Reporter())
    results = {
        "losses": training.losses,
        "evaluations": training.evaluations,
        "best_step": training.best_step,
        "loss": held_out_loss(model, held_out, pad_id, hardware, config.batch_size),
        "adapter": {name: parameter.detach() for name, parameter in trainable_parameters(model).items()},
    }
    torch.save(results, folder / "results.pt")
