"""Running out of memory is simulated: the loss refuses batches of more than so many rows."""

import pytest
import torch

from tests.training.test_groups import OUT_OF_MEMORY
from webapp.training import probe
from webapp.training.batches import BatchPlan
from webapp.training.masking import build_rows, tokenizer_encode
from webapp.training.model import find_hardware, load_model, load_tokenizer, trainable_parameters
from webapp.training.probe import find_batch_plan, longest_batch
from webapp.training.turns import tokenizer_render


@pytest.fixture
def limit_rows(monkeypatch):
    """Makes the probe's loss fail with `error` above so many rows; lists the sizes that were tried."""
    real = probe.loss_sum

    def limit(most, error=OUT_OF_MEMORY[0]):
        tried = []

        def limited(model, batch):
            tried.append(len(batch["input_ids"]))
            if tried[-1] > most:
                raise error
            return real(model, batch)

        monkeypatch.setattr(probe, "loss_sum", limited)
        return tried

    return limit


def prepared(config, conversations):
    tokenizer = load_tokenizer(config)
    rows = build_rows(conversations, range(24), tokenizer_render(tokenizer), tokenizer_encode(tokenizer), 256)
    return load_model(config, find_hardware()), rows, config, find_hardware(), tokenizer.pad_token_id


@pytest.fixture
def arguments(miniature_of, run_config, conversations, llama):
    config = run_config(miniature_of(llama), lora_dropout=0.1, batch_size=8, gradient_accumulation=2)
    return prepared(config, conversations)


def test_a_batch_that_fits_stays_as_configured(arguments, limit_rows, capsys):
    tried = limit_rows(8)
    plan = find_batch_plan(*arguments)
    assert (plan.batch_size, plan.gradient_accumulation, tried) == (8, 2, [8])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["cuda", "cpu"])
def test_out_of_memory_halves_the_batch_until_it_fits_and_says_so(arguments, limit_rows, capsys, error):
    tried = limit_rows(2, error)
    plan = find_batch_plan(*arguments)
    assert (plan.batch_size, plan.gradient_accumulation, tried) == (2, 8, [8, 4, 2])
    said = capsys.readouterr().out
    assert "batch size 8 becomes 4, gradient accumulation 2 becomes 4" in said
    assert "batch size 4 becomes 2, gradient accumulation 4 becomes 8" in said


def test_when_one_row_does_not_fit_the_error_says_what_to_lower(arguments, limit_rows):
    tried = limit_rows(0)
    with pytest.raises(RuntimeError, match=r"lower max_seq_length \(now 256\).*gradient_checkpointing.*qlora"):
        find_batch_plan(*arguments)
    assert tried == [8, 4, 2, 1]


def test_another_error_is_not_taken_for_a_lack_of_memory(arguments, limit_rows):
    limit_rows(0, RuntimeError("size mismatch"))
    with pytest.raises(RuntimeError, match="size mismatch"):
        find_batch_plan(*arguments)


@pytest.mark.parametrize("most", [8, 2])
def test_the_probe_leaves_weights_gradients_mode_and_randomness_alone(arguments, limit_rows, most):
    model = arguments[0]
    model.eval()
    weights = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    randomness = torch.get_rng_state()
    limit_rows(most)
    find_batch_plan(*arguments)
    assert torch.equal(torch.get_rng_state(), randomness)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, weights[name])


def test_gradients_and_optimiser_state_stand_while_it_runs(arguments, monkeypatch):
    standing = []
    real = probe.loss_sum

    def watched(model, batch):
        standing.extend(parameter.grad is not None for parameter in trainable_parameters(model).values())
        return real(model, batch)

    monkeypatch.setattr(probe, "loss_sum", watched)
    find_batch_plan(*arguments)
    assert standing
    assert all(standing)


@pytest.mark.parametrize("packing", [False, True])
def test_no_batch_of_the_run_is_larger_than_the_probes(arguments, packing):
    from webapp.training.batches import epoch_batches, make_batch, micro_batches

    _, rows, config, hardware, pad = arguments
    plan = BatchPlan(8, 2, "" if packing else "off")
    largest = longest_batch(rows, config, plan, hardware, pad)["input_ids"].numel()
    for epoch in range(5):
        batches = epoch_batches(rows, config, epoch)
        for start in range(0, len(batches), 2):
            for micro_batch in micro_batches(batches[start : start + 2], plan, config.max_seq_length):
                assert make_batch(micro_batch, plan, pad, "cpu")["input_ids"].numel() <= largest
