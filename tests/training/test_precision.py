import json

import pytest
import torch

from webapp.training.checkpoints import checkpoint_folder
from webapp.training.model import Hardware, weights_dtype
from webapp.training.precision import described, in_words, precision_of, settle_precision

DATA = "ab" * 32
BF16, FP16 = torch.bfloat16, torch.float16


def card(name, dtype, gib):
    return Hardware("cuda", dtype, name, int(gib * 2**30))


A100, SMALL, T4 = card("A100", BF16, 80), card("a small card", BF16, 0.5), card("Tesla T4", FP16, 15)
CPU = Hardware("cpu", torch.float32, "CPU")


@pytest.fixture
def begun(tmp_path, miniature_of, run_config, llama):
    """A run with a checkpoint that began on `hardware`; its configuration and folder."""

    def begin(hardware, **changes):
        config = run_config(miniature_of(llama), output_dir=str(tmp_path), **changes)
        folder = checkpoint_folder(config, DATA, precision_of(config, hardware))
        (folder / "state-3.pt").touch()
        return config, folder

    return begin


@pytest.mark.parametrize(
    ("began", "here", "dtype", "changed"),
    [
        (A100, A100, torch.float32, False),
        (SMALL, SMALL, BF16, False),
        (SMALL, A100, BF16, False),  # `auto` alone would take 32 bits here
        (A100, SMALL, BF16, True),
        (SMALL, T4, torch.float32, True),
        (A100, T4, torch.float32, True),
        (T4, A100, torch.float32, True),
        (SMALL, CPU, torch.float32, True),
    ],
)
def test_a_resumed_run_keeps_its_precision_where_it_fits_or_says_what_changed(
    begun, capsys, began, here, dtype, changed
):
    config, folder = begun(began, method="full")
    settled = settle_precision(config, here, folder)
    assert weights_dtype(settled, here) == dtype
    before, now = (in_words(precision_of(*of)) for of in ((config, began), (settled, here)))
    said = capsys.readouterr().out
    assert said.count("\n") == changed
    assert (f"began in {before} and goes on in {now}" in said) == changed


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_adapters_have_32_bits_everywhere_and_another_type_of_computation_is_said(begun, capsys, method):
    config, folder = begun(A100, method=method)
    assert settle_precision(config, T4, folder) == config
    assert "float32 weights computed in float16 (Tesla T4)" in capsys.readouterr().out
    assert settle_precision(config, SMALL, folder) == config
    assert capsys.readouterr().out == ""


def test_a_run_without_a_checkpoint_takes_what_suits_the_card(begun):
    config, folder = begun(SMALL, method="full")
    (folder / "state-3.pt").unlink()
    assert settle_precision(config, A100, folder) == config
    assert weights_dtype(config, A100) == torch.float32


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_description_that_cannot_be_read_is_none(begun, text):
    config, folder = begun(SMALL, method="full")
    assert described(folder)["precision"]["trained"] == "bfloat16"
    (folder / "run.json").write_text(text)
    assert described(folder) == {}
    assert settle_precision(config, A100, folder) == config


def test_the_fingerprint_stays_that_of_the_configuration_that_was_asked_for(begun):
    config, folder = begun(SMALL, method="full")
    assert json.loads((folder / "run.json").read_text())["master_weights"] == "auto"
    assert config.checkpoints(DATA) == folder
