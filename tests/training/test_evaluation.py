from types import SimpleNamespace

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from webapp.catalog import models
from webapp.training import evaluation
from webapp.training.evaluation import (
    RowLoss,
    collate,
    held_out_loss,
    loss_sum,
    mean_loss,
    row_losses,
    starting_loss,
    trained_tokens,
)
from webapp.training.masking import IGNORED, Row, build_rows, tokenizer_encode
from webapp.training.model import (
    Hardware,
    base_weights,
    find_hardware,
    load_model,
    load_tokenizer,
    trainable_parameters,
)
from webapp.training.turns import tokenizer_render


def prepare(model_entry, miniature_of, run_config, conversations, **changes):
    config = run_config(miniature_of(model_entry), **changes)
    tokenizer = load_tokenizer(config)
    render, encode = tokenizer_render(tokenizer), tokenizer_encode(tokenizer)
    rows = build_rows(conversations, range(8), render, encode, config.max_seq_length)
    return load_model(config, find_hardware()), tokenizer, rows


def test_a_batch_is_padded_on_the_right_and_padding_is_ignored():
    rows = [Row(0, 1, [5, 6, 7], 1, False), Row(1, 1, [5, 6], 1, False)]
    batch = collate(rows, pad_id=0, device="cpu")
    assert batch["input_ids"].tolist() == [[5, 6, 7], [5, 6, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch["labels"].tolist() == [[IGNORED, 6, 7], [IGNORED, 6, IGNORED]]


def assert_chunks_equal_the_whole(model, tokenizer, rows):
    batch = collate(rows, tokenizer.pad_token_id, "cpu")
    model.train()
    plain = model(**batch).loss
    plain.backward()
    expected = {name: parameter.grad.clone() for name, parameter in trainable_parameters(model).items()}
    model.zero_grad()
    chunked = loss_sum(model, batch, chunk=7) / trained_tokens(rows)
    chunked.backward()
    assert chunked.item() == pytest.approx(plain.item(), abs=1e-5)
    for name, parameter in trainable_parameters(model).items():
        torch.testing.assert_close(parameter.grad, expected[name], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_chunked_loss_and_its_gradients_equal_the_models_own(
    distinct_model, miniature_of, run_config, conversations, method
):
    assert_chunks_equal_the_whole(*prepare(distinct_model, miniature_of, run_config, conversations, method=method))


def test_the_chunked_loss_scales_logits_where_the_class_does(miniature_of, run_config, conversations):
    granite = next(model for model in models() if model.shape.class_name == "GraniteForCausalLM")
    model, tokenizer, rows = prepare(granite, miniature_of, run_config, conversations)
    model.get_base_model().config.logits_scaling = 8.0
    assert_chunks_equal_the_whole(model, tokenizer, rows)


@pytest.mark.parametrize("model_type", ["cohere", "cohere2", "hyperclovax"])
def test_classes_that_multiply_their_logits_learn_by_those(model_type):
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    tokens = {"vocab_size": 100, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    config = AutoConfig.for_model(model_type, num_key_value_heads=2, head_dim=16, **sizes, **tokens)
    if model_type == "hyperclovax":
        config.logits_scaling = 3.0
    model = AutoModelForCausalLM.from_config(config)
    rows = [Row(0, 1, list(range(3, 60)), 9, False), Row(1, 1, list(range(60, 80)), 3, False)]
    assert_chunks_equal_the_whole(model, SimpleNamespace(pad_token_id=0), rows)


def test_held_out_loss_does_not_depend_on_batching(miniature_of, run_config, conversations, llama):
    model, tokenizer, rows = prepare(llama, miniature_of, run_config, conversations)
    losses = [held_out_loss(model, rows, tokenizer.pad_token_id, find_hardware(), size) for size in (1, 3, 8)]
    assert losses == pytest.approx([losses[0]] * 3, abs=1e-5)


def test_out_of_memory_changes_no_loss(miniature_of, run_config, conversations, llama, monkeypatch, capsys):
    model, tokenizer, rows = prepare(llama, miniature_of, run_config, conversations)
    expected = row_losses(model, rows, tokenizer.pad_token_id, find_hardware(), 8)
    real = evaluation.token_losses

    def limited(model, batch):
        if len(batch["input_ids"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(model, batch)

    monkeypatch.setattr(evaluation, "token_losses", limited)
    found = row_losses(model, rows, tokenizer.pad_token_id, find_hardware(), 8)
    assert [loss.total for loss in found] == pytest.approx([loss.total for loss in expected], rel=1e-5)
    assert "out of memory: 8 rows at a time become 4" in capsys.readouterr().out


def test_base_weights_switches_the_adapter_off(miniature_of, run_config, conversations, llama):
    model, tokenizer, rows = prepare(llama, miniature_of, run_config, conversations)
    untouched = held_out_loss(model, rows, tokenizer.pad_token_id, find_hardware(), 4)
    with torch.no_grad():
        for parameter in trainable_parameters(model).values():
            parameter.add_(0.1)
    changed = held_out_loss(model, rows, tokenizer.pad_token_id, find_hardware(), 4)
    with base_weights(model):
        base = held_out_loss(model, rows, tokenizer.pad_token_id, find_hardware(), 4)
    assert base == untouched != changed


def test_the_losses_of_rows_are_those_of_each_row_alone(distinct_model, miniature_of, run_config, conversations):
    model, tokenizer, rows = prepare(distinct_model, miniature_of, run_config, conversations)
    pad, here = tokenizer.pad_token_id, find_hardware()
    together = row_losses(model, rows, pad, here, 3)
    assert [loss.conversation for loss in together] == [row.conversation for row in rows]
    assert [loss.tokens for loss in together] == [trained_tokens([row]) for row in rows]
    alone = [loss_sum(model, collate([row], pad, "cpu")).item() for row in rows]
    assert [loss.total for loss in together] == pytest.approx(alone, rel=1e-4)
    assert mean_loss(together) == pytest.approx(sum(alone) / trained_tokens(rows), rel=1e-4)


@pytest.mark.parametrize(("dtype", "said"), [(torch.float16, "fp16 overflows"), (torch.bfloat16, "see its weights")])
def test_a_loss_that_is_not_finite_before_training_is_told_as_such(dtype, said):
    hardware = Hardware("cuda", dtype, "a card")
    assert starting_loss([RowLoss(0, 4.0, 2)], hardware) == 2.0
    with pytest.raises(RuntimeError, match=f"nan before any training: {said}"):
        starting_loss([RowLoss(0, float("nan"), 2)], hardware)
