"""Packed rows give the loss and gradients of rows on their own, for every family for which packing is on."""

import pytest
import torch

from webapp.catalog import models
from webapp.training.batches import plan_batches
from webapp.training.evaluation import collate, loss_sum, trained_tokens
from webapp.training.masking import IGNORED, Row, build_rows, tokenizer_encode
from webapp.training.model import find_hardware, load_model, load_tokenizer, trainable_parameters
from webapp.training.packing import collate_packed, pack_rows, packing_obstacle
from webapp.training.turns import tokenizer_render

LIMIT = 256
STATEFUL = {"Lfm2ForCausalLM", "Qwen3_5ForCausalLM"}  # classes of the catalogue with layers that carry a state


def loaded(entry, miniature_of, run_config, conversations, **changes):
    config = run_config(miniature_of(entry), **changes)
    tokenizer = load_tokenizer(config)
    rows = build_rows(conversations, range(12), tokenizer_render(tokenizer), tokenizer_encode(tokenizer), LIMIT)
    return load_model(config, find_hardware()), tokenizer.pad_token_id, rows


def loss_and_gradients(model, batches, tokens):
    """The mean loss over the batches, and every trained parameter's gradient."""
    model.train()
    model.zero_grad()
    total = 0.0
    for batch in batches:
        loss = loss_sum(model, batch) / tokens
        loss.backward()
        total += loss.item()
    return total, {name: parameter.grad.clone() for name, parameter in trainable_parameters(model).items()}


def separate_and_packed(model, pad_id, rows):
    tokens = trained_tokens(rows)
    groups = pack_rows(rows, LIMIT)
    assert len(groups) < len(rows)
    separate = loss_and_gradients(model, [collate([row], pad_id, "cpu") for row in rows], tokens)
    packed = loss_and_gradients(model, [collate_packed(groups, pad_id, "cpu")], tokens)
    return separate, packed


def assert_packed_equals_separate(model, pad_id, rows):
    (loss, gradients), (packed_loss, packed_gradients) = separate_and_packed(model, pad_id, rows)
    assert packed_loss == pytest.approx(loss, abs=1e-5, rel=0)
    for name, gradient in gradients.items():
        torch.testing.assert_close(packed_gradients[name], gradient, atol=1e-5, rtol=1e-5)
    assert any(gradient.abs().max() > 1e-3 for gradient in gradients.values())


@pytest.mark.parametrize("method", ["lora", "full"])
def test_packed_rows_learn_the_same_or_packing_is_refused(
    distinct_model, miniature_of, run_config, conversations, method
):
    model, pad_id, rows = loaded(distinct_model, miniature_of, run_config, conversations, method=method)
    if distinct_model.shape.class_name in STATEFUL:
        assert "leak from one row into the next" in packing_obstacle(model)
    else:
        assert packing_obstacle(model) == ""
        assert_packed_equals_separate(model, pad_id, rows)


def test_a_sliding_window_shorter_than_the_rows_keeps_packed_rows_apart(miniature_of, run_config, conversations):
    gemma = next(model for model in models() if model.shape.class_name == "Gemma3ForCausalLM")
    model, pad_id, rows = loaded(gemma, miniature_of, run_config, conversations)
    model.get_base_model().config.sliding_window = 8
    assert_packed_equals_separate(model, pad_id, rows)


@pytest.fixture
def hybrid(miniature_of, run_config, conversations):
    entry = next(model for model in models() if model.shape.class_name == "Lfm2ForCausalLM")
    return loaded(entry, miniature_of, run_config, conversations)


def test_a_hybrid_is_refused_for_its_layers_and_with_reason(hybrid):
    model, pad_id, rows = hybrid
    assert packing_obstacle(model).startswith("Lfm2ForCausalLM has conv layers")
    (_, gradients), (_, packed_gradients) = separate_and_packed(model, pad_id, rows)
    wrong = max((packed_gradients[name] - gradients[name]).abs().max() for name in gradients)
    assert wrong > 1e-4


def test_packing_is_planned_where_it_is_asked_for_and_exact(hybrid, miniature_of, run_config, conversations, llama):
    attention, *_ = loaded(llama, miniature_of, run_config, conversations)
    asked, not_asked = run_config("x", packing=True), run_config("x")
    assert plan_batches(attention, asked).packed
    assert plan_batches(attention, not_asked).not_packed.startswith("not asked for")
    assert "conv layers" in plan_batches(hybrid[0], asked).not_packed


def test_a_hybrid_that_does_not_list_its_layers_is_known_by_its_convolutions(hybrid):
    model, *_ = hybrid
    model.get_base_model().config.layer_types = None
    assert "convolution layers" in packing_obstacle(model)


def test_an_attention_kernel_that_is_not_proven_is_refused(miniature_of, run_config, conversations, llama):
    model, *_ = loaded(llama, miniature_of, run_config, conversations)
    model.get_base_model().config._attn_implementation = "flash_attention_2"
    assert "flash_attention_2" in packing_obstacle(model)


def test_groups_hold_every_row_once_and_no_more_than_the_limit():
    rows = [Row(index, 1, [1] * (1 + index * 7 % 40), 1, False) for index in range(200)]
    groups = pack_rows(rows, 40)
    lengths = [sum(len(row.input_ids) for row in group) for group in groups]
    assert sorted(row.conversation for group in groups for row in group) == list(range(200))
    assert max(lengths) <= 40
    assert lengths == sorted(lengths, reverse=True)
    assert sum(lengths) / (40 * len(groups)) > 0.95


def test_positions_restart_and_nobody_predicts_the_next_rows_start():
    rows = [Row(0, 1, [5, 6, 7], 1, False), Row(1, 1, [8, 9], 0, False), Row(2, 1, [4, 3], 1, False)]
    batch = collate_packed([rows[:2], rows[2:]], pad_id=0, device="cpu")
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8, 9], [4, 3, 0, 0, 0]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 0, 1], [0, 1, 0, 1, 2]]
    assert batch["labels"].tolist() == [[IGNORED, 6, 7, IGNORED, 9], [IGNORED, 3, *[IGNORED] * 3]]
    assert "attention_mask" not in batch
