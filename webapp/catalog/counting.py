"""How many parameters a decoder has, counted from its shape; a test counts each catalogue entry's both ways."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from webapp.catalog.models import Shape


@dataclass(frozen=True)
class Architecture:
    """What a model type adds to gated feed-forward layers and grouped attention, as its class in transformers does.

    `norms` are those of a layer as wide as the model; `query_key_norms` are as wide as a head or a projection.
    `biases` are the projections that always have one; a configuration's `attention_bias` and `mlp_bias` add theirs.
    `tied` is what its configuration means where it does not say whether the head is the embedding; `fp16` says whether
    fp16 can hold its activations, `hybrid` whether some of its layers keep a state.
    """

    class_name: str
    norms: int = 2
    query_key_norms: Literal["none", "head", "width"] = "none"
    query_key_value_bias: bool = False
    tied: bool = False
    fp16: bool = True
    hybrid: bool = False


ARCHITECTURES = {
    "gemma": Architecture("GemmaForCausalLM", tied=True, fp16=False),
    "gemma2": Architecture("Gemma2ForCausalLM", tied=True, norms=4, fp16=False),
    "gemma3_text": Architecture("Gemma3ForCausalLM", tied=True, norms=4, query_key_norms="head", fp16=False),
    "gemma4_text": Architecture("Gemma4ForCausalLM", tied=True, norms=4, query_key_norms="head", fp16=False),
    "granite": Architecture("GraniteForCausalLM"),
    "lfm2": Architecture("Lfm2ForCausalLM", tied=True, query_key_norms="head", hybrid=True),
    "llama": Architecture("LlamaForCausalLM"),
    "ministral3": Architecture("Ministral3ForCausalLM"),
    "mistral": Architecture("MistralForCausalLM"),
    "olmo2": Architecture("Olmo2ForCausalLM", query_key_norms="width"),
    "olmo3": Architecture("Olmo3ForCausalLM", query_key_norms="width"),
    "phi3": Architecture("Phi3ForCausalLM"),
    "qwen2": Architecture("Qwen2ForCausalLM", query_key_value_bias=True),
    "qwen3": Architecture("Qwen3ForCausalLM", query_key_norms="head"),
    "qwen3_5_text": Architecture("Qwen3_5ForCausalLM", query_key_norms="head", fp16=False, hybrid=True),
    "smollm3": Architecture("SmolLM3ForCausalLM", tied=True),
}


def count_parameters(shape: Shape) -> int:
    """Parameters of the language model: embeddings, layers, the last norm, and an untied head.

    A type that `ARCHITECTURES` does not have is counted as Llama, so that the answer is only near.
    """
    of = ARCHITECTURES.get(shape.model_type, ARCHITECTURES["llama"])
    layer = _LAYERS.get(shape.model_type, _plain_layer)
    layers = sum(layer(shape, of, position) for position in range(shape.layers))
    return shape.embedding_parameters + layers + shape.hidden + _per_layer_inputs(shape)


def _plain_layer(shape: Shape, of: Architecture, _position: int) -> int:
    return _attention(shape, of) + _feed_forward(shape) + of.norms * shape.hidden


def _attention(shape: Shape, of: Architecture) -> int:
    hidden, query, pair = shape.hidden, shape.query_width, 2 * shape.kv_width
    count = hidden * (query + pair) + query * hidden
    if of.query_key_value_bias:
        count += query + pair
    elif shape.extra.get("attention_bias"):
        count += query + pair + hidden
    widths = {"none": 0, "head": 2 * shape.head_dim, "width": query + shape.kv_width}
    return count + widths[of.query_key_norms]


def _feed_forward(shape: Shape, ffn: int | None = None) -> int:
    width = ffn or shape.ffn
    biases = 2 * width + shape.hidden if shape.extra.get("mlp_bias") else 0
    return 3 * shape.hidden * width + biases


def _lfm2_layer(shape: Shape, of: Architecture, position: int) -> int:
    """Short convolutions (three gates in, one out), and attention at `full_attn_idxs` or as `layer_types` says."""
    kinds, hidden = shape.extra.get("layer_types"), shape.hidden
    attends = kinds[position] == "full_attention" if kinds else position in shape.extra.get("full_attn_idxs", [])
    if attends:
        return _plain_layer(shape, of, position)
    biases = 5 * hidden if shape.extra.get("conv_bias") else 0
    convolution = 4 * hidden**2 + hidden * int(shape.extra.get("conv_L_cache", 3)) + biases
    return convolution + _feed_forward(shape) + of.norms * hidden


def _qwen3_5_layer(shape: Shape, of: Architecture, position: int) -> int:
    """Gated DeltaNet layers, and every fourth a gated attention, whose query projection is twice as wide."""
    extra, hidden = shape.extra, shape.hidden
    kinds, interval = extra.get("layer_types"), int(extra.get("full_attention_interval", 4))
    attends = kinds[position] == "full_attention" if kinds else (position + 1) % interval == 0
    if attends:
        return _plain_layer(shape, of, position) + hidden * shape.query_width
    heads, width = int(extra.get("linear_num_value_heads", 32)), int(extra.get("linear_value_head_dim", 128))
    keys = int(extra.get("linear_num_key_heads", 16)) * int(extra.get("linear_key_head_dim", 128))
    values, mixed = heads * width, 2 * keys + heads * width
    # Projections in (mixed, gate, two per head), the convolution, a decay and a bias per head, the norm, out.
    projections = hidden * (mixed + values + 2 * heads) + values * hidden
    delta = projections + mixed * int(extra.get("linear_conv_kernel_dim", 4)) + 2 * heads + width
    return delta + _feed_forward(shape) + of.norms * hidden


def _gemma4_layer(shape: Shape, of: Architecture, position: int) -> int:
    """Heads are wider in full attention; the last layers take the keys and values of earlier ones."""
    extra, hidden = shape.extra, shape.hidden
    kinds = extra.get("layer_types")
    full = kinds[position] == "full_attention" if kinds else (position + 1) % 6 == 0
    width = int(extra.get("global_head_dim", 512)) if full else shape.head_dim
    shares = position >= shape.layers - int(extra.get("num_kv_shared_layers", 0))
    count = 2 * hidden * shape.heads * width + width
    if not shares:
        count += 2 * hidden * shape.kv_heads * width + width
    narrow = int(extra.get("intermediate_size", shape.ffn))
    ffn = 2 * narrow if shares and extra.get("use_double_wide_mlp") else narrow
    inputs = shape.per_layer_embedding
    per_layer = 2 * hidden * inputs + hidden if inputs else 0
    return count + _feed_forward(shape, ffn) + of.norms * hidden + per_layer


def _per_layer_inputs(shape: Shape) -> int:
    """The projection to every layer's own input, and its norm."""
    width = shape.per_layer_embedding
    return shape.hidden * shape.layers * width + width


_LAYERS: dict[str, Callable[[Shape, Architecture, int], int]] = {
    "gemma4_text": _gemma4_layer,
    "lfm2": _lfm2_layer,
    "qwen3_5_text": _qwen3_5_layer,
}
