"""Each entry's shape builds its model's own class, which has exactly the stated number of parameters."""

import pytest

from webapp.catalog import BaseModel, Shape, adapter_parameters, find_model, models


@pytest.mark.parametrize("model", models(), ids=lambda model: model.id)
def test_the_class_built_from_the_shape_has_the_stated_parameters(model: BaseModel) -> None:
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    shape = model.shape
    config = transformers.AutoConfig.for_model(shape.model_type, **shape.config_values())
    with torch.device("meta"):
        built = transformers.AutoModelForCausalLM.from_config(config)
    assert type(built).__name__ == shape.class_name
    assert built.num_parameters() == model.parameters
    embedding = built.get_input_embeddings().weight
    assert embedding.numel() * (1 if shape.tied else 2) == shape.embedding_parameters


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # peft asks by the old name
@pytest.mark.parametrize("model", models(), ids=lambda model: model.id)
def test_the_adapters_are_counted_as_peft_makes_them(model: BaseModel) -> None:
    """To the digit, but for Phi's fused projections and LFM2's convolutions, where the formula is above."""
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    shape = model.shape
    config = transformers.AutoConfig.for_model(shape.model_type, **shape.config_values())
    with torch.device("meta"):
        built = transformers.AutoModelForCausalLM.from_config(config)
        tuned = peft.get_peft_model(built, peft.LoraConfig(r=16, target_modules="all-linear", task_type="CAUSAL_LM"))
    trainable = sum(parameter.numel() for parameter in tuned.parameters() if parameter.requires_grad)
    above = {"phi3": 1.21, "lfm2": 1.02}.get(shape.model_type, 1.0)
    assert trainable <= adapter_parameters(model, 16) <= above * trainable


def test_widths_follow_from_an_explicit_head_dim() -> None:
    """Qwen3-4B's heads are wider together than its hidden size: 32 x 128 against 2,560."""
    shape = find_model("qwen3-4b").shape
    assert (shape.query_width, shape.kv_width) == (4096, 1024)


def test_an_untied_head_counts_as_a_second_embedding() -> None:
    assert find_model("qwen3-8b").shape.embedding_parameters == 2 * 151_936 * 4096
    assert find_model("qwen3-4b").shape.embedding_parameters == 151_936 * 2560


def test_extra_values_reach_the_configuration() -> None:
    values = find_model("lfm2.5-1.2b").shape.config_values()
    assert values["full_attn_idxs"] == [2, 5, 8, 10, 12, 14]
    assert values["intermediate_size"] == 8192


def test_a_shape_has_no_extra_values_by_default() -> None:
    shape = Shape("llama", "LlamaForCausalLM", 2, 64, 4, 2, 16, 192, 512, True)
    assert set(shape.config_values()) == {
        "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
        "intermediate_size", "vocab_size", "tie_word_embeddings",
    }  # fmt: skip
