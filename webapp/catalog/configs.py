"""A base model that the catalogue does not have, as its config.json describes it; refused where that is not enough."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from webapp.catalog.counting import ARCHITECTURES, Architecture, count_parameters
from webapp.catalog.models import BaseModel, Shape
from webapp.errors import Problem

NEAR = 0.02  # how far a count by the formula may be from the published total of an architecture not known here
# A configuration names experts by one of these; one expert, or none, is a plain decoder.
_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts", "num_routed_experts")
_MOST_LAYERS, _MOST_WIDTH = 1_000, 10_000_000
# What a Shape has of its own, and what says nothing of the shape.
_LEFT_OUT = {
    "architectures", "auto_map", "dtype", "head_dim", "hidden_size", "hidden_size_per_layer_input", "id2label",
    "label2id", "model_type", "num_attention_heads", "num_hidden_layers", "num_key_value_heads", "tie_word_embeddings",
    "torch_dtype", "transformers_version", "vocab_size",
}  # fmt: skip


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a model beside its configuration: its names, and what its page on the hub says.

    `id` is what people name it by, `hub_id` what a notebook loads: a name on the hub or a folder. `total` counts its
    published weights, of all towers; `page` is None for a folder.
    """

    id: str
    hub_id: str
    name: str
    page: str | None = None
    license: str = "unknown"
    languages: tuple[str, ...] = ()
    gated: bool = False
    year: int = 0
    total: int | None = None


def describe_model(config: Mapping[str, Any], card: Card, classes: Mapping[str, str] | None) -> BaseModel:
    """The base model of a parsed config.json; of a multimodal one, its language model.

    `classes` are those of `trainable_classes`: None where they could not be looked up. Raises Problem
    `unsupported_model` with the reason, or `invalid_model_config`.
    """
    text = config.get("text_config") or {}
    if not isinstance(text, dict):
        raise _invalid(card, "text_config is no object")
    own = {"tie_word_embeddings": config["tie_word_embeddings"]} if "tie_word_embeddings" in config else {}
    flat = own | text if text else dict(config)
    _refuse_weights(config, flat, card)
    class_name = _class_name(config, flat, card, classes)
    try:
        shape = _shape(flat, class_name)
        counted = count_parameters(shape)
    except (ArithmeticError, IndexError, KeyError, TypeError, ValueError) as error:
        raise _invalid(card, f"{type(error).__name__}: {error}") from error
    parameters = _settled(counted, shape, card)
    known = ARCHITECTURES.get(shape.model_type)
    half = "float16" in (flat.get("dtype"), flat.get("torch_dtype"), config.get("torch_dtype"))
    unchecked = "" if classes is not None else "; whether transformers has its class could not be checked here"
    return BaseModel(
        id=card.id,
        hub_id=card.hub_id,
        name=card.name,
        size=f"{parameters / 1e9:.1f}B" if parameters >= 1e9 else f"{parameters / 1e9:.3f}B",
        year=card.year,
        parameters=parameters,
        vision_parameters=max(0, card.total - parameters) if text and card.total else 0,
        context_length=_context(flat, card),
        license=card.license,
        license_url=card.page,
        commercial_use=None,
        gated=card.gated,
        template_family=None,
        system_role=None,
        tool_calls=None,
        languages=card.languages,
        tasks=(),
        hybrid=bool(known and known.hybrid),
        t4=known.fp16 if known else half,
        t4_note="fp16 base with fp32 adapters" if known and known.fp16 else "nobody has shown that it trains in fp16",
        checked="published total" if card.total == parameters else "no",
        last_reviewed=date.today(),
        source=f"config.json{unchecked}",
        strengths=None,
        shape=shape,
    )


def _refuse_weights(config: Mapping[str, Any], text: Mapping[str, Any], card: Card) -> None:
    for place in (config, text):
        quantised = place.get("quantization_config") or place.get("compression_config")
        if quantised:
            kind = quantised.get("quant_method") if isinstance(quantised, dict) else None
            raise _unsupported(
                card,
                f"its weights are quantised ({str(kind or 'in an unnamed way')[:40]}) and cannot be fine-tuned as they "
                "are. Name the repository of its 16-bit weights; method=qlora quantises them while loading",
            )
        experts = [name for name in _EXPERTS if isinstance(place.get(name), int) and place[name] > 1]
        if experts:
            raise _unsupported(
                card, f"it is a mixture of {place[experts[0]]} experts, and the estimates are for dense models only"
            )


def _class_name(
    config: Mapping[str, Any], text: Mapping[str, Any], card: Card, classes: Mapping[str, str] | None
) -> str:
    """The class that the language model is built from; refused where transformers would not load the repository."""
    whole, inner = config.get("model_type"), text.get("model_type", config.get("model_type"))
    if not isinstance(whole, str) or not isinstance(inner, str):
        raise _invalid(card, "it names no model_type")
    if classes is not None:
        missing = next((name for name in (whole, inner) if name not in classes), None)
        if missing is None and not classes[inner].endswith("ForCausalLM"):
            missing = inner  # an older kind of class, such as GPT-2's
        if missing:
            raise _unsupported(
                card, f"the installed transformers has no causal language model for the type {missing[:60]!r}"
            )
        return classes[inner]
    if inner in ARCHITECTURES:
        return ARCHITECTURES[inner].class_name
    named = [name for name in config.get("architectures") or [] if str(name).endswith("ForCausalLM")]
    if not named:
        raise _unsupported(card, f"its type {inner[:60]!r} is not known here and transformers is not installed")
    return str(named[0])


def _shape(text: Mapping[str, Any], class_name: str) -> Shape:
    model_type = text["model_type"]
    heads, hidden = _size(text, "num_attention_heads"), _size(text, "hidden_size")
    narrow, settings = _feed_forward(text)
    extra = {
        name: value
        for name, value in text.items()
        if name not in _LEFT_OUT and not name.startswith("_") and not isinstance(value, dict)
    }
    layers = _size(text, "num_hidden_layers", _MOST_LAYERS)
    kinds = text.get("layer_types")
    if kinds is not None and len(kinds) != layers:
        raise ValueError(f"layer_types has {len(kinds)} entries for {layers} layers")
    tied = text.get("tie_word_embeddings", text.get("tie_embedding"))
    return Shape(
        model_type=model_type,
        class_name=class_name,
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=_size(text, "num_key_value_heads") if text.get("num_key_value_heads") is not None else heads,
        head_dim=_size(text, "head_dim") if text.get("head_dim") is not None else hidden // heads,
        ffn=2 * narrow if text.get("use_double_wide_mlp") else narrow,
        vocab=_size(text, "vocab_size"),
        tied=ARCHITECTURES.get(model_type, Architecture(class_name)).tied if tied is None else tied is True,
        per_layer_embedding=text.get("hidden_size_per_layer_input") or 0,
        extra=extra | {"intermediate_size": narrow} | settings,
    )


def _feed_forward(text: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """The width of a feed-forward layer, and what says so to the class; LFM2's is computed from what is written."""
    if text["model_type"] != "lfm2":
        return _size(text, "intermediate_size"), {}
    width = _size(text, "block_ff_dim" if text.get("block_ff_dim") else "intermediate_size")
    if text.get("block_auto_adjust_ff_dim", True):
        width = int(text.get("block_ffn_dim_multiplier", 1.0) * int(2 * width / 3))
        multiple = int(text.get("block_multiple_of", 256))
        width = multiple * -(-width // multiple)
    return width, {"block_auto_adjust_ff_dim": False}


def _size(text: Mapping[str, Any], name: str, most: int = _MOST_WIDTH) -> int:
    value = text.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ValueError(f"{name} is {str(value)[:40]}")
    return value


def _settled(counted: int, shape: Shape, card: Card) -> int:
    """The parameters of the language model: by the formula, or as published where the formula is nearly right."""
    if shape.model_type in ARCHITECTURES:
        return counted
    if card.total is None:
        raise _unsupported(
            card,
            f"how many parameters the type {shape.model_type[:60]!r} has is not known here, and no total is published",
        )
    if abs(counted / card.total - 1) > NEAR:
        raise _unsupported(
            card,
            f"the type {shape.model_type[:60]!r} is not known here: its {card.total:,} parameters are not those of "
            f"gated feed-forward layers and grouped attention ({counted:,}), which the estimates are made for",
        )
    return card.total


def _context(text: Mapping[str, Any], card: Card) -> int:
    length = text.get("max_position_embeddings")
    if not isinstance(length, int) or length < 512:
        raise _invalid(card, "max_position_embeddings, the length of its context, is missing or below 512")
    return length


def _unsupported(card: Card, reason: str) -> Problem:
    return Problem("unsupported_model", f"{card.name} cannot be used: {reason}.", param="model_id")


def _invalid(card: Card, reason: str) -> Problem:
    return Problem(
        "invalid_model_config",
        f"The config.json of {card.name} does not describe a language model: {reason[:200]}.",
        param="model_id",
    )
