"""A model is described from its config.json alone; what cannot be is refused, with the reason."""

from typing import Any

import pytest

from webapp.catalog import BaseModel, find_gpu, models
from webapp.catalog import estimate as estimate_run
from webapp.catalog.classes import read_table, trainable_classes
from webapp.catalog.configs import Card, describe_model
from webapp.errors import Problem

CLASSES = {"qwen3": "Qwen3ForCausalLM", "gemma3": "Gemma3ForConditionalGeneration", "gemma3_text": "Gemma3ForCausalLM",
           "lfm2": "Lfm2ForCausalLM", "exaone4": "Exaone4ForCausalLM", "gpt_neox": "GPTNeoXForCausalLM"}  # fmt: skip
SMALL = {
    "model_type": "qwen3", "hidden_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 128, "intermediate_size": 512, "vocab_size": 1000,
    "max_position_embeddings": 4096, "tie_word_embeddings": True,
}  # fmt: skip


def described(config: dict[str, Any], total: int | None = None, classes: Any = CLASSES) -> BaseModel:
    return describe_model(config, Card(id="hf:org/name", hub_id="org/name", name="org/name", total=total), classes)


def refusal(config: dict[str, Any], **options: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        described(config, **options)
    assert caught.value.param == "model_id"
    return caught.value


@pytest.mark.parametrize("model", models(), ids=lambda model: model.id)
def test_the_configuration_of_every_entry_gives_the_entry_again(model: BaseModel) -> None:
    """As transformers itself would write the configuration."""
    transformers = pytest.importorskip("transformers")
    written = transformers.AutoConfig.for_model(model.shape.model_type, **model.shape.config_values()).to_dict()
    found = described(written, classes=trainable_classes())
    assert (found.parameters, found.hybrid, found.t4) == (model.parameters, model.hybrid, model.t4)
    for name in ("class_name", "layers", "hidden", "query_width", "kv_width", "ffn", "vocab", "tied"):
        assert getattr(found.shape, name) == getattr(model.shape, name)
    again = transformers.AutoConfig.for_model(found.shape.model_type, **found.shape.config_values())
    assert again.num_hidden_layers == model.shape.layers


def test_what_nobody_looked_at_is_unknown() -> None:
    model = described(SMALL)
    assert (model.license, model.commercial_use, model.languages, model.tasks) == ("unknown", None, (), ())
    assert (model.checked, model.context_length, model.template_family) == ("no", 4096, None)


def test_an_estimate_is_made_of_it_as_of_any_other() -> None:
    answer = estimate_run(described(SMALL), find_gpu("t4"), "lora", length=512, batch=1)
    assert answer.model_id == "hf:org/name"
    assert 1 < answer.memory.mid < 2


def test_a_count_that_agrees_with_the_published_total_says_so() -> None:
    total = described(SMALL).parameters
    assert described(SMALL, total).checked == "published total"
    assert described(SMALL, total + 1).checked == "no"


def test_of_a_multimodal_model_the_language_model_is_trained_and_the_rest_is_loaded() -> None:
    text = SMALL | {"model_type": "gemma3_text"}
    alone = described(text)
    model = described({"model_type": "gemma3", "text_config": text}, alone.parameters + 400)
    assert (model.shape.class_name, model.parameters) == ("Gemma3ForCausalLM", alone.parameters)
    assert (model.vision_parameters, model.t4) == (400, False)


def test_the_width_of_lfm2_is_computed_as_its_class_does() -> None:
    config = SMALL | {"model_type": "lfm2", "block_ff_dim": 12_288, "layer_types": ["conv", "full_attention"]}
    assert described(config).shape.ffn == 8_192
    assert described(config | {"block_auto_adjust_ff_dim": False}).shape.ffn == 12_288


@pytest.mark.parametrize("method", ["gptq", "awq", "fp8", "mxfp4", "bitsandbytes"])
def test_quantised_weights_are_refused(method: str) -> None:
    found = refusal(SMALL | {"quantization_config": {"quant_method": method}})
    assert found.code == "unsupported_model"
    assert f"quantised ({method})" in found.message
    nested = {"model_type": "gemma3", "text_config": SMALL | {"quantization_config": {"quant_method": method}}}
    assert refusal(nested).code == "unsupported_model"


@pytest.mark.parametrize("name", ["num_local_experts", "num_experts", "n_routed_experts"])
def test_a_mixture_of_experts_is_refused(name: str) -> None:
    assert "mixture of 64 experts" in refusal(SMALL | {name: 64}).message
    assert described(SMALL | {name: 0}).parameters == described(SMALL | {name: None}).parameters


def test_a_type_that_transformers_does_not_know_is_refused() -> None:
    assert "no causal language model for the type 'qwen9'" in refusal(SMALL | {"model_type": "qwen9"}).message
    older = CLASSES | {"gpt2": "GPT2LMHeadModel"}
    assert "'gpt2'" in refusal(SMALL | {"model_type": "gpt2"}, classes=older).message
    assert "'llava'" in refusal({"model_type": "llava", "text_config": SMALL}).message


def test_without_transformers_the_check_is_left_out_and_the_model_says_so() -> None:
    assert "could not be checked" in described(SMALL, classes=None).source
    assert "could not be checked" not in described(SMALL).source
    assert refusal(SMALL | {"model_type": "qwen9"}, classes=None).code == "unsupported_model"


def test_a_type_that_is_not_known_here_is_taken_at_its_published_total_where_the_formula_is_near() -> None:
    config, near = SMALL | {"model_type": "exaone4"}, described(SMALL).parameters
    model = described(config, near - 100)
    assert (model.parameters, model.shape.class_name, model.t4) == (near - 100, "Exaone4ForCausalLM", False)
    assert described(config | {"torch_dtype": "float16"}, near).t4
    assert "no total is published" in refusal(config).message
    assert (
        "not those of gated feed-forward layers" in refusal(config | {"model_type": "gpt_neox"}, total=near * 2).message
    )


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": None}, {"hidden_size": "256"}, {"hidden_size": -1}, {"hidden_size": True}, {"vocab_size": 0},
        {"num_attention_heads": 3}, {"num_hidden_layers": 10**9}, {"hidden_size": 10**12}, {"model_type": None},
        {"model_type": 5}, {"layer_types": ["full_attention"]}, {"layer_types": 5}, {"text_config": 5},
        {"max_position_embeddings": None}, {"max_position_embeddings": 8}, {"intermediate_size": []},
        {"num_key_value_heads": "two"}, {"head_dim": {}},
    ],
    ids=str,
)  # fmt: skip
def test_a_configuration_that_cannot_be_read_names_what_is_wrong(change: dict[str, Any]) -> None:
    found = refusal(SMALL | change)
    assert found.code == "invalid_model_config"
    assert "org/name" in found.message


def test_the_table_of_the_installed_transformers_is_read_without_importing_it() -> None:
    transformers = pytest.importorskip("transformers")
    known = transformers.models.auto.modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    assert trainable_classes() == dict(known)


@pytest.mark.parametrize("source", ["", "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES = other()", "x = 1"])
def test_a_table_written_otherwise_is_no_table(source: str) -> None:
    assert read_table(source) is None
