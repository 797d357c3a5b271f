"""How much memory a training run needs at its peak, by component.

Logits and activations come from allocator traces of SmolLM2-135M and Qwen3-0.6B. Against published peaks: Qwen-7B LoRA
at 256, 2,048 and 8,192 tokens -2, +1, +6 %; its Q-LoRA -6, +9, +28 %; Qwen-1.8B Q-LoRA -14, +12, +38 %; torchtune's
Llama 3.1 8B on an RTX 4090 +16 % (LoRA), +33 % (QLoRA). So about +-15 % at usual lengths, and too much rather than too
little beyond. Attention counts as memory-efficient, convolution layers count as attention.
"""

from collections.abc import Mapping
from dataclasses import dataclass

CONTEXT_BYTES = 0.6e9  # CUDA context, cuBLAS workspaces, kernels
QLORA_CONTEXT_BYTES = 1.5e9  # published small QLoRA runs lie this far above their components
FRAGMENTATION = 0.03  # of the sum of all components
NF4_BYTES = 0.516  # per weight: 4 bits, and scales quantised twice
ADAPTER_BYTES = {"adapters": 4, "gradients": 4, "optimizer": 8}  # all fp32; Adam keeps two moments
LOGIT_BYTES = 12  # per token and vocabulary entry: 16-bit logits, their fp32 copy, softmax and gradient
LOSS_CHUNK = 256  # tokens whose logits exist at once under the chunked loss
ROOM = 0.85  # of a card: a prediction above this share of it does not count as fitting


@dataclass(frozen=True)
class Dimensions:
    """What a decoder's memory follows from; `embeddings` are the parameters of the embedding and an untied head.

    `parameters` are the language model's, `other_towers` those of parts that text does not train. `query_width` is
    heads x head_dim, `kv_width` the same of the keys; `ffn` is the width in use.
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

    @property
    def linear_parameters(self) -> int:
        """What 4-bit quantisation shrinks."""
        return self.parameters - self.embeddings


@dataclass(frozen=True)
class Load:
    """What is trained and how: bytes of a base weight and of an activation, tokens of a micro-batch.

    `value_bytes` is 2, or 4 on a CPU; `trained_bytes` are those of a weight that full fine-tuning trains.
    """

    method: str
    value_bytes: int
    trained_bytes: int
    tokens: int
    lora_rank: int
    checkpointing: bool = True
    chunked_loss: bool = True


def predicted_memory(of: Dimensions, load: Load) -> dict[str, float]:
    """Bytes at the peak by component: weights, adapters, gradients, optimizer, activations, logits, overhead.

    With N parameters, T tokens per micro-batch, L layers, hidden size h, widths q and kv of the query and key
    projections, feed-forward width f, vocabulary V, rank r and b bytes per value (2, or 4 on a CPU):

        weights      LoRA b N;  QLoRA 0.516 N_linear + b (embedding, untied head, vision tower);  full w N
        adapters     A = r L (4h + 2q + 2kv + 3(h + f)) parameters of 16 bytes: weight, gradient, Adam
        full         2 w N more for Adam, w N for gradients; w is b, or 4 where trained weights are fp32
        layer        b T (4f + 2q + 2kv + 4h), + 3T (5h + q + f) when fp32 adapters meet a 16-bit base
        activations  L layers, or b T h L + one layer with checkpointing; QLoRA + one dequantised weight
        logits       12 V T, or 12 V 256 with the chunked loss
        peak         1.03 x sum + 0.6 GB of context (1.5 GB for QLoRA)
    """
    parts = {"weights": _weight_bytes(of, load)} | _trained_bytes(of, load)
    parts["activations"] = _activation_bytes(of, load)
    parts["logits"] = LOGIT_BYTES * of.vocab * (min(load.tokens, LOSS_CHUNK) if load.chunked_loss else load.tokens)
    context = QLORA_CONTEXT_BYTES if load.method == "qlora" else CONTEXT_BYTES
    parts["overhead"] = FRAGMENTATION * sum(parts.values()) + context
    return parts


def memory_table(predicted: Mapping[str, float], measured: Mapping[str, float]) -> str:
    """Both by component in GiB, a line each, and the sum of the prediction, which is good to 20 %."""
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
    """Bytes of adapters, gradients and optimiser state."""
    if load.method == "full":
        size = float(load.trained_bytes * of.parameters)
        return {"adapters": 0.0, "gradients": size, "optimizer": 2.0 * size}
    count = lora_parameters(of, load.lora_rank)
    return {name: float(size * count) for name, size in ADAPTER_BYTES.items()}


def _activation_bytes(of: Dimensions, load: Load) -> float:
    """Bytes kept for the backward pass."""
    layer = load.value_bytes * load.tokens * (4 * of.ffn + 2 * of.query_width + 2 * of.kv_width + 4 * of.hidden)
    if load.method != "full" and load.value_bytes == 2:
        layer += 3 * load.tokens * (5 * of.hidden + of.query_width + of.ffn)
    dequantised = load.value_bytes * of.hidden * of.ffn if load.method == "qlora" else 0
    if not load.checkpointing:
        return float(layer * of.layers + dequantised)
    return float(load.value_bytes * load.tokens * of.hidden * of.layers + layer + dequantised)
