"""How much memory a training run needs at its peak, by component.

The formula is held against 33 published peaks (docs/estimates.md has each): 30 are within 15 %, the others within 25 %.
Three things in it follow from them. Recomputed layers do not add to the logits: under checkpointing the logits are gone
before the first layer is recomputed, so the larger of the two counts; with the sum, Qwen-7B's 2.08 MB per token (12 V +
2 h L) could not be met. One constant of 1.2 GB serves all methods: what Q-LoRA seemed to need beyond LoRA are the
0.8 GB of buckets that DeepSpeed kept in those runs. And autocast keeps a 16-bit cast of every trained fp32 weight until
a forward pass ends. Logits and activations come from allocator traces of SmolLM2-135M and Qwen3-0.6B. Attention
builds no L x L scores but where `_square_bytes` says so; convolution layers count as attention.
"""

from collections.abc import Mapping
from dataclasses import dataclass

CONTEXT_BYTES = 1.2e9  # CUDA context, cuBLAS workspaces, kernels, blocks the allocator holds beyond what is in use
FRAGMENTATION = 0.03  # of the sum of all components
NF4_BYTES = 0.516  # per weight: 4 bits, and scales quantised twice
CAST_BYTES = 2  # autocast's copy of an fp32 weight that is trained
LOGIT_BYTES = 12  # per token and vocabulary entry: 16-bit logits, their fp32 copy, softmax and gradient
LOSS_CHUNK = 256  # tokens whose logits exist at once under the chunked loss
ROOM = 0.85  # of a card: a prediction above this share of it does not count as fitting


@dataclass(frozen=True)
class Dimensions:
    """What a decoder's memory follows from; `embeddings` are the parameters of the embedding and an untied head.

    `parameters` are the language model's, `other_towers` those of parts that text does not train. `query_width` is
    heads x head_dim, `kv_width` the same of the keys; `ffn` is the width in use. `heads` are the query heads, 0
    where they are not known; `recurrent_layers` are those of linear attention, which matter for time alone.
    """

    parameters: int
    other_towers: int
    embeddings: int
    layers: int
    hidden: int
    query_width: int
    kv_width: int
    ffn: int
    vocab: int
    heads: int = 0
    recurrent_layers: int = 0

    @property
    def linear_parameters(self) -> int:
        """What 4-bit quantisation shrinks."""
        return self.parameters - self.embeddings


@dataclass(frozen=True)
class Load:
    """What is trained and how: bytes of a base weight and of an activation, tokens of a micro-batch.

    `value_bytes` is 2, or 4 on a CPU; `trained_bytes` are those of a weight that full fine-tuning trains, and
    `adapter_bytes` of an adapter's. `logit_bytes` are 12, or 8 where a loss is computed in 16 bits throughout. The
    tokens are in `rows` rows, 0 where attention builds nothing that grows with their length squared; `flash` says
    whether the device has FlashAttention.
    """

    method: str
    value_bytes: int
    trained_bytes: int
    tokens: int
    lora_rank: int
    checkpointing: bool = True
    chunked_loss: bool = True
    adapter_bytes: int = 4
    logit_bytes: int = LOGIT_BYTES
    rows: int = 0
    flash: bool = True


def predicted_memory(of: Dimensions, load: Load) -> dict[str, float]:
    """Bytes at the peak by component: weights, adapters, gradients, optimizer, casts, activations, logits, overhead.

    With N parameters, T tokens per micro-batch, L layers, hidden size h, widths q and kv of the query and key
    projections, feed-forward width f, vocabulary V, rank r and b bytes per value (2, or 4 on a CPU):

        weights      LoRA b N;  QLoRA 0.516 N_linear + b (embedding, untied head, vision tower);  full w N
        adapters     A = r L (4h + 2q + 2kv + 3(h + f)) parameters of 16 bytes: weight, gradient, Adam
        full         2 w N more for Adam, w N for gradients; w is b, or 4 where trained weights are fp32
        casts        2 A or 2 N: autocast's 16-bit copies of trained fp32 weights, kept until a forward pass ends
        layer        b T (4f + 2q + 2kv + 4h), + 3T (5h + q + f) when fp32 adapters meet a 16-bit base;
                     QLoRA + one dequantised weight; + the squares of the rows' length S = T / rows:
        squares      rows > 1: (b + 1) rows S^2; without FlashAttention, heads that share keys: 12 heads rows S^2
        logits       12 V T, or 12 V 256 with the chunked loss
        activations  L layers, or with checkpointing b T h L and what one layer takes beyond the logits
        peak         1.03 x sum + 1.2 GB
    """
    parts = {"weights": _weight_bytes(of, load)} | _trained_bytes(of, load)
    tokens = min(load.tokens, LOSS_CHUNK) if load.chunked_loss else load.tokens
    logits = float(load.logit_bytes * of.vocab * tokens)
    parts["activations"] = _activation_bytes(of, load, logits)
    parts["logits"] = logits
    parts["overhead"] = FRAGMENTATION * sum(parts.values()) + CONTEXT_BYTES
    return parts


def memory_table(predicted: Mapping[str, float], measured: Mapping[str, float]) -> str:
    """Both by component in GiB, a line each, and the sum of the prediction, which is good to 15 %."""
    lines = [f"{'GiB':<12} {'predicted':>9} {'measured':>9}"]
    for name, size in predicted.items():
        seen = f"{measured[name] / 2**30:9.2f}" if name in measured else f"{'':>9}"
        lines.append(f"{name:<12} {size / 2**30:9.2f} {seen}".rstrip())
    lines.append(f"{'at the peak':<12} {sum(predicted.values()) / 2**30:9.2f}")
    return "\n".join(lines)


def lora_parameters(of: Dimensions, lora_rank: int) -> int:
    """Parameters of LoRA adapters of this rank on the seven linear layers of every block.

    A little too many for fused projections (Phi +20 %) and convolutions (LFM2 +1 %).
    """
    return lora_rank * of.layers * (4 * of.hidden + 2 * of.query_width + 2 * of.kv_width + 3 * (of.hidden + of.ffn))


def _weight_bytes(of: Dimensions, load: Load) -> float:
    everything = of.parameters + of.other_towers
    if load.method == "qlora":
        return NF4_BYTES * of.linear_parameters + load.value_bytes * (everything - of.linear_parameters)
    if load.method == "full":
        return float(load.trained_bytes * everything)
    return float(load.value_bytes * everything)


def _trained_bytes(of: Dimensions, load: Load) -> dict[str, float]:
    """Bytes of adapters, gradients, optimiser state (Adam keeps two moments) and casts."""
    full = load.method == "full"
    count = of.parameters if full else lora_parameters(of, load.lora_rank)
    each = load.trained_bytes if full else load.adapter_bytes
    return {
        "adapters": 0.0 if full else float(each * count),
        "gradients": float(each * count),
        "optimizer": float(2 * each * count),
        "casts": float(CAST_BYTES * count) if each > load.value_bytes else 0.0,
    }


def _activation_bytes(of: Dimensions, load: Load, logits: float) -> float:
    """Bytes kept for the backward pass, and of a layer that is recomputed in it where the logits have been."""
    layer: float = load.value_bytes * load.tokens * (4 * of.ffn + 2 * of.query_width + 2 * of.kv_width + 4 * of.hidden)
    if load.method != "full" and load.adapter_bytes > load.value_bytes:
        layer += 3 * load.tokens * (5 * of.hidden + of.query_width + of.ffn)
    dequantised = load.value_bytes * of.hidden * of.ffn if load.method == "qlora" else 0
    kept, passing = _square_bytes(of, load)
    layer += kept
    passing += dequantised
    if not load.checkpointing:
        return float(layer * of.layers + passing)
    return load.value_bytes * load.tokens * of.hidden * of.layers + max(0.0, layer + passing - logits)


def _square_bytes(of: Dimensions, load: Load) -> tuple[float, float]:
    """Bytes that grow with the length squared: those a layer's attention keeps for its way back, and those in passing.

    A batch of several rows is padded: one boolean mask for all layers, and of it a copy in the computing type a layer.
    Rows of equal length have no mask (transformers' `sdpa_mask`); then, without FlashAttention, heads that share keys
    run on PyTorch's math kernel (huggingface/transformers#48633, seen on a T4), which computes scores in fp32: 12 bytes
    at its peak, 4 of them kept. Measured on a CPU: 12.2 of 8 heads x 1,024^2. Masks of sliding windows and of packed
    rows, which one row has too, are not counted.
    """
    squares = load.tokens**2 / load.rows if load.rows else 0.0
    if of.kv_width < of.query_width and not load.flash:
        return 4 * of.heads * squares, 8 * of.heads * squares
    return (load.value_bytes * squares, squares) if load.rows > 1 else (0.0, 0.0)
