"""A training run in a process of its own, to be killed: `python killed_run.py REQUEST.json`.

The request has the configuration, the conversations, and where checkpoints and results go. "training" on stdout says
that the imports are over. When the run is complete, the held-out loss and the adapter lie in the results file.
"""

import json
import sys
from pathlib import Path

import torch

from webapp.training.batches import plan_batches
from webapp.training.checkpoints import checkpoint_folder
from webapp.training.configuration import RunConfig
from webapp.training.evaluation import held_out_loss
from webapp.training.loop import train
from webapp.training.masking import build_rows, tokenizer_encode, tokenizer_render
from webapp.training.model import find_hardware, load_model, load_tokenizer, trainable_parameters
from webapp.training.steps import make_learner


def main() -> None:
    torch.set_num_threads(1)
    request = json.loads(Path(sys.argv[1]).read_text())
    config, conversations = RunConfig(**request["config"]), request["conversations"]
    tokenizer, hardware = load_tokenizer(config), find_hardware()
    render, encode = tokenizer_render(tokenizer), tokenizer_encode(tokenizer)
    rows = build_rows(conversations, range(48), render, encode, config.max_seq_length)
    held_out = build_rows(conversations, range(48, 60), render, encode, config.max_seq_length)
    model, pad_id = load_model(config, hardware), tokenizer.pad_token_id
    folder = checkpoint_folder(config, "0" * 64)
    print("training", flush=True)
    learner = make_learner(model, config, hardware, pad_id)
    training = train(learner, rows, held_out, config, plan_batches(model, config), folder, 99.0)
    adapter = {name: parameter.detach() for name, parameter in trainable_parameters(model).items()}
    loss = held_out_loss(model, held_out, pad_id, hardware, config.batch_size)
    results = {"loss": loss, "adapter": adapter, "losses": training.losses, "evaluations": training.evaluations}
    torch.save(results, request["results"])


if __name__ == "__main__":
    main()
