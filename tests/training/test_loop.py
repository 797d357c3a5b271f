import math

import pytest
import torch

from webapp.training import loop
from webapp.training.loop import count_steps, epoch_batches, learning_rate_at, train
from webapp.training.masking import Row, build_rows, tokenizer_encode
from webapp.training.model import find_hardware, load_model, load_tokenizer, trainable_parameters
from webapp.training.turns import tokenizer_render

ROWS = [Row(index, 1, [1] * (2 + index % 37), 1, False) for index in range(501)]


def test_an_epoch_holds_every_row_once_in_batches_of_like_length(run_config):
    config = run_config("x", batch_size=4)
    batches = epoch_batches(ROWS, config, 0)
    assert sorted(row.conversation for batch in batches for row in batch) == list(range(501))
    spread = [max(len(r.input_ids) for r in b) - min(len(r.input_ids) for r in b) for b in batches]
    assert sum(spread) / len(spread) < 3
    assert batches == epoch_batches(ROWS, config, 0)
    assert batches != epoch_batches(ROWS, config, 1)


def test_steps_count_the_last_partial_accumulation(run_config):
    config = run_config("x", batch_size=4, gradient_accumulation=4, num_epochs=3)
    assert count_steps(ROWS, config) == (math.ceil(126 / 4), 96)
    assert count_steps(ROWS, run_config("x", batch_size=4, max_steps=10))[1] == 10


@pytest.mark.parametrize("scheduler", ["cosine", "linear"])
def test_the_rate_warms_up_then_falls_to_nothing(run_config, scheduler):
    config = run_config("x", lr_scheduler=scheduler, warmup_ratio=0.1, learning_rate=1.0)
    rates = [learning_rate_at(step, 100, config) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert rates[9] == max(rates)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.02


def trained(config, conversations, checkpoint):
    tokenizer = load_tokenizer(config)
    render, encode = tokenizer_render(tokenizer), tokenizer_encode(tokenizer)
    rows = build_rows(conversations, range(24), render, encode, 256)
    model = load_model(config, find_hardware())
    losses = train(model, rows, config, find_hardware(), tokenizer.pad_token_id, checkpoint)
    return losses, {name: parameter.detach().clone() for name, parameter in trainable_parameters(model).items()}


@pytest.mark.parametrize("method", ["lora", "full"])
def test_an_interrupted_run_resumes_to_the_same_weights(
    tmp_path, monkeypatch, miniature_of, run_config, conversations, llama, method
):
    rate = {"lora": 1e-2, "full": 1e-3}[method]
    config = run_config(
        miniature_of(llama), method=method, learning_rate=rate, checkpoint_minutes=0.0, lora_dropout=0.1
    )
    whole, weights = trained(config, conversations, tmp_path / "whole.pt")

    steps = iter(range(5))
    real_step = loop.train_step

    def interrupted(*arguments):
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return real_step(*arguments)

    monkeypatch.setattr(loop, "train_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained(config, conversations, tmp_path / "cut.pt")
    monkeypatch.undo()
    torch.manual_seed(999)
    resumed, again = trained(config, conversations, tmp_path / "cut.pt")
    assert resumed == whole
    for name, value in weights.items():
        torch.testing.assert_close(again[name], value, atol=0, rtol=0)


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path, monkeypatch, miniature_of, run_config, conversations, llama):
    monkeypatch.setattr(loop, "train_step", lambda *_: float("nan"))
    with pytest.raises(RuntimeError, match="lower the learning rate"):
        trained(run_config(miniature_of(llama)), conversations, tmp_path / "x.pt")


def test_gradient_checkpointing_changes_no_number(tmp_path, miniature_of, run_config, conversations, llama):
    runs = [
        trained(run_config(miniature_of(llama), gradient_checkpointing=on, max_steps=3), conversations, tmp_path / "c")[
            0
        ]
        for on in (False, True)
    ]
    assert runs[0] == pytest.approx(runs[1], abs=1e-6)
