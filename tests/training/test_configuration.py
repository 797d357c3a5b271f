from dataclasses import asdict, replace
from pathlib import Path

import pytest

from webapp.training.configuration import RunConfig


def test_a_notebooks_globals_become_the_configuration(run_config):
    config = run_config(Path("folder"))
    namespace = asdict(config) | {"unrelated": 1}
    assert RunConfig.from_namespace(namespace) == config


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"method": "prefix"}, "method"),
        ({"master_weights": "8-bit"}, "master_weights"),
        ({"lr_scheduler": "step"}, "lr_scheduler"),
        ({"train_turns": "all"}, "train_turns"),
        ({"lora_rank": 0}, "lora_rank"),
        ({"batch_size": 0}, "batch_size"),
        ({"num_epochs": 0}, "num_epochs"),
        ({"eval_steps": -1}, "eval_steps"),
        ({"early_stopping_patience": -1}, "early_stopping_patience"),
    ],
)
def test_an_impossible_value_is_named(run_config, change, named):
    with pytest.raises(ValueError, match=named):
        run_config(Path("folder"), **change)


def test_the_fingerprint_follows_what_shapes_the_weights(run_config):
    config = run_config(Path("folder"))
    assert config.fingerprint("a") == replace(config).fingerprint("a")
    assert config.fingerprint("a") != config.fingerprint("b")
    assert config.fingerprint("a") != replace(config, learning_rate=1e-3).fingerprint("a")
    assert config.fingerprint("a") == replace(
        config, checkpoint_minutes=0.0, output_dir="x", keep_on_drive=True
    ).fingerprint("a")
