"""Each entry's shape builds its model's own class, which has exactly the stated number of parameters."""

from collections.abc import Callable
from typing import Any

import pytest

from webapp.catalog import BaseModel, Shape, adapter_parameters, find_model, models

# Published totals, and what each counts beside the text model's parameters.
PUBLISHED = {
    "qwen3-4b": (4_022_468_096, 0),
    "qwen3-0.6b": (751_632_384, 151_936 * 1024),  # the tied head a second time
    "gemma-3-270m": (268_098_176, 0),
    # Towers, and keys and values of the layers that take another's: older classes make them, none uses them.
    "gemma-4-e2b": (5_123_178_016, 475_728_160 + 2 * 1536 * (16 * 256 + 4 * 512) + 16 * 256 + 4 * 512),
    "gemma-4-e4b": (7_996_156_448, 478_087_456 + 2 * 2560 * (15 * 512 + 3 * 1024) + 15 * 256 + 3 * 512),
    "granite-4.0-350m": (352_379_904, 0),
    "lfm2.5-350m": (354_483_968, 0),
    "lfm2.5-1.2b": (1_170_340_608, 0),
    "tinyllama-1.1b": (1_100_048_384, 0),
}
# How far the formula for adapters may be off, where layers are not the usual seven matrices: Phi's fused projections,
# LFM2's convolutions, Qwen3.5's gates and DeltaNet, Gemma 4's shared keys and values and its heads of two widths.
ADAPTERS = {"phi3": (1.0, 1.21), "lfm2": (1.0, 1.03), "qwen3_5_text": (0.81, 1.0), "gemma4_text": (0.92, 1.12)}
# Of these two the published totals are known to differ by this much, of which the vision towers' last layer is a part.
QWEN_3_5 = ("qwen3.5-2b", "qwen3.5-4b", 2_326_023_872, (2560 - 2048) * (4096 + 1))


@pytest.fixture
def on_meta() -> Callable[[BaseModel], Any]:
    """Builds an entry's class from its shape, without memory for its weights."""
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)

    def build(model: BaseModel) -> Any:
        config = transformers.AutoConfig.for_model(model.shape.model_type, **model.shape.config_values())
        with torch.device("meta"):
            return transformers.AutoModelForCausalLM.from_config(config)

    return build


@pytest.mark.parametrize("model", models(), ids=lambda model: model.id)
def test_the_class_built_from_the_shape_has_the_stated_parameters(
    model: BaseModel, on_meta: Callable[[BaseModel], Any]
) -> None:
    torch = pytest.importorskip("torch")
    built = on_meta(model)
    assert type(built).__name__ == model.shape.class_name
    assert built.num_parameters() == model.parameters
    embeddings = sum(part.weight.numel() for part in built.modules() if isinstance(part, torch.nn.Embedding))
    head = 0 if model.shape.tied else built.get_output_embeddings().weight.numel()
    assert embeddings + head == model.shape.embedding_parameters


@pytest.mark.parametrize("model", models(), ids=lambda model: model.id)
def test_a_verified_entry_agrees_with_what_is_published(model: BaseModel) -> None:
    if model.id in PUBLISHED:
        total, besides = PUBLISHED[model.id]
        assert model.parameters + besides == total
    assert (model.checked == "published total") == (model.id in {*PUBLISHED, *QWEN_3_5})
    assert model.checked != "label" or model.agrees_with_label
    assert model.checked != "published shape" or "published shape" in model.source


def test_two_entries_differ_as_their_published_totals_do() -> None:
    smaller, larger, difference, towers = QWEN_3_5
    assert find_model(larger).parameters - find_model(smaller).parameters + towers == difference


@pytest.mark.parametrize("model", models(), ids=lambda model: model.id)
def test_what_is_not_verified_says_why(model: BaseModel) -> None:
    assert model.verified or "not verified" in model.source


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # peft asks by the old name
@pytest.mark.parametrize("model", models(), ids=lambda model: model.id)
def test_the_adapters_are_counted_as_peft_makes_them(model: BaseModel, on_meta: Callable[[BaseModel], Any]) -> None:
    peft = pytest.importorskip("peft")
    torch = pytest.importorskip("torch")
    with torch.device("meta"):
        adapters = peft.LoraConfig(r=16, target_modules="all-linear", task_type="CAUSAL_LM")
        tuned = peft.get_peft_model(on_meta(model), adapters)
    trainable = sum(parameter.numel() for parameter in tuned.parameters() if parameter.requires_grad)
    low, high = ADAPTERS.get(model.shape.model_type, (1.0, 1.0))
    assert low * trainable <= adapter_parameters(model, 16) <= high * trainable


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
