"""Parameters are counted to the digit, without any model library."""

import msgspec
import pytest

from webapp.catalog import BaseModel, models
from webapp.catalog.counting import ARCHITECTURES, count_parameters


@pytest.mark.parametrize("model", models(), ids=lambda model: model.id)
def test_every_entry_of_the_catalogue_is_counted_to_the_digit(model: BaseModel) -> None:
    assert count_parameters(model.shape) == model.parameters


@pytest.mark.parametrize("model", models(), ids=lambda model: model.id)
def test_what_is_known_of_a_type_agrees_with_the_catalogue(model: BaseModel) -> None:
    of = ARCHITECTURES[model.shape.model_type]
    assert (of.class_name, of.fp16, of.hybrid) == (model.shape.class_name, model.t4, model.hybrid)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_small_model_of_each_type_has_as_many_parameters_as_its_class(name: str) -> None:
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    listed = next((model.shape for model in models() if model.shape.model_type == name), models()[0].shape)
    gemma4 = name == "gemma4_text"
    kinds = {"layer_types": ["sliding_attention", "full_attention"] * 3, "num_kv_shared_layers": 2}
    shape = msgspec.structs.replace(
        listed, model_type=name, layers=6, hidden=96, heads=4, kv_heads=2, head_dim=32, ffn=192, vocab=500,
        per_layer_embedding=8 if gemma4 else 0, tied=ARCHITECTURES[name].tied,
        extra=listed.extra | (kinds | {"intermediate_size": 96} if gemma4 else {}),
    )  # fmt: skip
    config = transformers.AutoConfig.for_model(
        name, pad_token_id=0, vocab_size_per_layer_input=500, **shape.config_values()
    )
    with torch.device("meta"):
        built = transformers.AutoModelForCausalLM.from_config(config)
    assert type(built).__name__ == ARCHITECTURES[name].class_name
    assert built.num_parameters() == count_parameters(shape)


@pytest.mark.parametrize("name", ["llama", "qwen3", "granite", "smollm3"])
def test_biases_that_a_configuration_asks_for_are_counted(name: str) -> None:
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    shape = msgspec.structs.replace(
        models()[0].shape, model_type=name, layers=2, hidden=96, heads=4, kv_heads=2, head_dim=24, ffn=192, vocab=500,
        extra={"attention_bias": True} | ({} if name == "qwen3" else {"mlp_bias": True}),
    )  # fmt: skip
    config = transformers.AutoConfig.for_model(name, pad_token_id=0, **shape.config_values())
    with torch.device("meta"):
        assert transformers.AutoModelForCausalLM.from_config(config).num_parameters() == count_parameters(shape)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_head_that_is_not_mentioned_is_what_the_class_takes_it_for(name: str) -> None:
    transformers = pytest.importorskip("transformers")
    assert transformers.AutoConfig.for_model(name).tie_word_embeddings is ARCHITECTURES[name].tied
