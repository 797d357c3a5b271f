from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoConfig, AutoModelForImageTextToText

from webapp.catalog import find_model, models
from webapp.catalog.memory import dimensions
from webapp.training import model as model_module
from webapp.training.evaluation import collate, loss_sum, trained_tokens
from webapp.training.families import families
from webapp.training.masking import build_rows, tokenizer_encode
from webapp.training.miniature import make_tokenizer, miniature_config
from webapp.training.model import (
    Hardware,
    dimensions_of,
    expected_memory,
    find_hardware,
    held_memory,
    load_model,
    load_tokenizer,
    release,
    sixteen_bit,
    suited_hardware,
    to_sixteen_bits,
    trainable_parameters,
    weights_dtype,
)
from webapp.training.turns import tokenizer_render


@pytest.mark.parametrize(
    ("capability", "dtype", "scaler"),
    [((7, 5), torch.float16, True), ((8, 0), torch.bfloat16, False), ((9, 0), torch.bfloat16, False)],
)
def test_the_compute_dtype_follows_the_cards_capability(monkeypatch, capability, dtype, scaler):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    card = SimpleNamespace(name="a card", total_memory=15 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)  # what torch says on a T4
    hardware = find_hardware()
    assert (hardware.device, hardware.dtype, hardware.needs_scaler) == ("cuda", dtype, scaler)
    assert (hardware.name, hardware.memory_bytes) == ("a card", 15 * 2**30)


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_adapters_are_fp32_over_a_frozen_base(miniature_of, run_config, llama, method):
    model = load_model(run_config(miniature_of(llama), method=method), find_hardware())
    trained = trainable_parameters(model)
    assert trained
    assert all("lora_" in name and parameter.dtype == torch.float32 for name, parameter in trained.items())
    assert not any("lm_head" in name for name in trained)


def test_qlora_keeps_the_base_in_four_bits(miniature_of, run_config, llama):
    model = load_model(run_config(miniature_of(llama), method="qlora"), find_hardware())
    kinds = {type(module).__name__ for module in model.modules()}
    assert "Linear4bit" in kinds


def test_qlora_keeps_what_is_not_quantised_in_the_compute_dtype(miniature_of, run_config, llama):
    """fp32 embeddings would turn every activation into fp32, and take twice the memory that was predicted."""
    hardware = Hardware("cpu", torch.bfloat16, "CPU")
    model = load_model(run_config(miniature_of(llama), method="qlora"), hardware)
    frozen = {p.dtype for p in model.parameters() if not p.requires_grad}
    assert frozen == {torch.bfloat16, torch.uint8}
    assert {p.dtype for p in trainable_parameters(model).values()} == {torch.float32}


def test_qlora_learns_after_an_evaluation_what_it_did_before(miniature_of, run_config, llama):
    """On CPUs with AVX512-BF16 bitsandbytes would repack the weights, and pass no gradients on to earlier layers."""
    model = load_model(run_config(miniature_of(llama), method="qlora"), find_hardware())
    ids = torch.arange(8)[None]

    def gradients():
        model.train()
        model.zero_grad()
        model(input_ids=ids).logits.square().mean().backward()
        return {name: parameter.grad.clone() for name, parameter in trainable_parameters(model).items()}

    before = gradients()
    model.eval()
    with torch.no_grad():
        model(input_ids=ids)
    torch.testing.assert_close(gradients(), before)


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_an_interrupted_runs_memory_is_freed_where_it_is(miniature_of, run_config, llama, method):
    model = load_model(run_config(miniature_of(llama), method=method), find_hardware())
    optimizer = torch.optim.AdamW(trainable_parameters(model).values())
    for parameter in trainable_parameters(model).values():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    release(model, optimizer)
    assert sum(parameter.nbytes for parameter in model.parameters()) == 0
    assert len(optimizer.state) == 0
    release(None, None)


@pytest.mark.parametrize(
    ("model_type", "dtype", "suited"),
    [
        ("gemma3_text", torch.float16, torch.float32),
        ("gemma3_text", torch.bfloat16, torch.bfloat16),
        ("qwen3", torch.float16, torch.float16),
    ],
)
def test_gemma_3_does_not_compute_in_fp16(tmp_path, run_config, model_type, dtype, suited):
    AutoConfig.for_model(model_type).save_pretrained(tmp_path)
    assert suited_hardware(run_config(tmp_path), card(dtype, 15)).dtype == suited


def test_adapters_start_from_the_seed_whatever_was_drawn_before(miniature_of, run_config, llama):
    starts = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        model = load_model(run_config(miniature_of(llama)), find_hardware())
        starts.append({name: parameter.detach().clone() for name, parameter in trainable_parameters(model).items()})
    for name, value in starts[0].items():
        torch.testing.assert_close(value, starts[1][name], atol=0, rtol=0)


@pytest.mark.parametrize("model", models(), ids=lambda model: model.id)
def test_what_memory_follows_from_is_read_off_the_configuration_alone(tmp_path, run_config, model):
    """The same numbers as the catalogue's, for a folder without weights."""
    shape = model.shape
    AutoConfig.for_model(shape.model_type, **shape.config_values()).save_pretrained(tmp_path)
    found, expected = dimensions_of(run_config(tmp_path)), dimensions(model)
    assert found == replace(expected, other_towers=0, parameters=found.parameters)
    assert found.parameters == pytest.approx(expected.parameters, rel=0.001)


class Loader:
    """A model class that remembers how it was asked, and loads onto the CPU whatever device was named."""

    def __init__(self, real):
        self.real, self.asked = real, []

    def from_pretrained(self, name, **options):
        self.asked.append(options)
        return self.real.from_pretrained(name, dtype=options["dtype"])


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize(("device", "device_map"), [("cuda", {"": "cuda"}), ("cpu", None)])
def test_weights_go_to_the_card_as_they_are_read(
    miniature_of, run_config, llama, monkeypatch, method, device, device_map
):
    """Made whole in main memory first, an 8B model would ask Colab for more than it has."""
    config = run_config(miniature_of(llama), method=method, master_weights="16-bit")
    known, real = model_module.architecture_of(config.base_model)
    loader = Loader(real)
    monkeypatch.setattr(model_module, "architecture_of", lambda _: (known, loader))
    model = load_model(config, Hardware(device, torch.bfloat16, "a card", 2**40))
    assert [options.get("device_map") for options in loader.asked] == [device_map]
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}  # nothing moves it again


def test_a_t4_finishes_in_its_own_sixteen_bits():
    assert sixteen_bit(Hardware("cuda", torch.float16, "T4")) == torch.float16
    assert sixteen_bit(Hardware("cpu", torch.float32, "CPU")) == torch.bfloat16


@pytest.mark.parametrize(
    ("method", "kinds"), [("full", {torch.bfloat16}), ("lora", {torch.float32}), ("qlora", {torch.float32})]
)
def test_a_finished_model_has_16_bits_and_a_finished_adapter_32(miniature_of, run_config, llama, method, kinds):
    model = load_model(run_config(miniature_of(llama), method=method), find_hardware())
    frequencies = [buffer.clone() for buffer in model.buffers()]
    to_sixteen_bits(model, find_hardware())
    assert {parameter.dtype for parameter in trainable_parameters(model).values()} == kinds
    for buffer, before in zip(model.buffers(), frequencies, strict=True):
        torch.testing.assert_close(buffer, before, atol=0, rtol=0)


def card(dtype, gib):
    return Hardware("cuda", dtype, "a card", int(gib * 2**30))


@pytest.mark.parametrize(
    ("method", "master_weights", "hardware", "dtype"),
    [
        ("lora", "auto", card(torch.bfloat16, 80), torch.bfloat16),
        ("qlora", "32-bit", card(torch.float16, 15), torch.float16),
        ("full", "auto", card(torch.bfloat16, 80), torch.float32),
        ("full", "auto", card(torch.bfloat16, 0.5), torch.bfloat16),
        ("full", "16-bit", card(torch.bfloat16, 80), torch.bfloat16),
        ("full", "32-bit", card(torch.bfloat16, 0.5), torch.float32),
        ("full", "auto", card(torch.float16, 15), torch.float32),
        ("full", "16-bit", Hardware("cpu", torch.float32, "CPU"), torch.float32),
    ],
)
def test_the_dtype_of_the_weights(miniature_of, run_config, llama, method, master_weights, hardware, dtype):
    config = run_config(miniature_of(llama), method=method, master_weights=master_weights)
    assert weights_dtype(config, hardware) == dtype


def test_a_card_without_bf16_cannot_train_16_bit_weights(miniature_of, run_config, llama):
    config = run_config(miniature_of(llama), method="full", master_weights="16-bit")
    with pytest.raises(ValueError, match="fp16, which needs master_weights '32-bit'"):
        weights_dtype(config, card(torch.float16, 15))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_what_the_model_holds_is_what_was_predicted(miniature_of, run_config, llama, method):
    """To the byte for the weights; the adapters' formula knows the seven linear layers of a block."""
    config = run_config(miniature_of(llama), method=method)
    predicted = expected_memory(config, find_hardware())
    held = held_memory(load_model(config, find_hardware()))
    assert held["weights"] == pytest.approx(predicted["weights"], rel=0.001)
    assert held["adapters"] == pytest.approx(predicted["adapters"])


# What the hub has for some entries: the model type around the text's, and small numbers for what is not text.
MULTIMODAL = {
    "ministral-3-3b": ("mistral3", {
        "vision_config": {"model_type": "pixtral", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
                          "num_attention_heads": 2, "image_size": 28, "patch_size": 14},
        "image_token_index": 5,
    }),
    "gemma-3-4b": ("gemma3", {
        "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 64,
                          "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 56, "patch_size": 14},
        "image_token_index": 5,
    }),
    "gemma-4-e2b": ("gemma4", {
        "vision_config": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
                          "num_key_value_heads": 2, "head_dim": 16, "position_embedding_size": 64},
        "audio_config": {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "output_proj_dims": 64},
        "image_token_id": 5, "audio_token_id": 6, "video_token_id": 7,
    }),
    "qwen3.5-2b": ("qwen3_5", {
        "vision_config": {"hidden_size": 32, "intermediate_size": 64, "depth": 1, "num_heads": 2,
                          "out_hidden_size": 64},
        "image_token_id": 5, "video_token_id": 6,
    }),
}  # fmt: skip


@pytest.fixture(scope="module")
def multimodal(tmp_path_factory, conversations):
    """Makes a tiny model with its other towers, of the class that the hub has for the entry."""

    @cache
    def make(model_id):
        folder = tmp_path_factory.mktemp(model_id)
        entry = find_model(model_id)
        tokenizer = make_tokenizer(families()[entry.template_family], conversations)
        text = miniature_config(entry.shape.model_type, entry.shape.config_values(), tokenizer)
        model_type, others = MULTIMODAL[model_id]
        config = AutoConfig.for_model(model_type, text_config=text, tie_word_embeddings=entry.shape.tied, **others)
        torch.manual_seed(0)
        AutoModelForImageTextToText.from_config(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make


@pytest.mark.parametrize("model_id", MULTIMODAL)
@pytest.mark.parametrize("method", ["lora", "full"])
def test_of_a_multimodal_model_only_the_language_part_is_trained(
    multimodal, run_config, conversations, model_id, method
):
    config = run_config(multimodal(model_id), method=method)
    model, tokenizer = load_model(config, find_hardware()), load_tokenizer(config)
    trained = trainable_parameters(model)
    assert any("layers.0" in name for name in trained)
    assert not any(tower in name for name in trained for tower in ("vision", "visual", "audio", "multi_modal"))
    has_towers = find_model(model_id).vision_parameters > 0
    assert (dimensions_of(config).other_towers > 0) == has_towers
    rows = build_rows(conversations, range(6), tokenizer_render(tokenizer), tokenizer_encode(tokenizer), 256)
    batch = collate(rows, tokenizer.pad_token_id, "cpu")
    chunked = loss_sum(model, batch).item() / trained_tokens(rows)
    assert chunked == pytest.approx(model(**batch).loss.item(), abs=1e-5)
