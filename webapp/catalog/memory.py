"""How much memory a fine-tuning run needs, by component."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from webapp.catalog.gpus import Gpu, Method
from webapp.catalog.models import BaseModel

GIB = 1024**3

CONTEXT_BYTES = 0.6e9  # CUDA context, cuBLAS workspaces, kernels
QLORA_CONTEXT_BYTES = 1.5e9  # published small QLoRA runs lie this far above their components
FRAGMENTATION = 0.03  # of the sum of all components
NF4_BYTES = 0.516  # per weight: 4 bits, and scales quantised twice
ADAPTER_BYTES = {"adapters": 4, "gradients": 4, "optimizer": 8}  # all fp32; Adam keeps two moments
LOGIT_BYTES = 12  # per token and vocabulary entry: 16-bit logits, their fp32 copy, softmax and gradient
LOSS_CHUNK = 256  # tokens whose logits exist at once under the chunked loss
BAND = 0.20  # the estimate is a band of this half-width
ROOM = 0.85  # an estimate above this share of the card does not count as fitting


class MemoryEstimate(msgspec.Struct, frozen=True):
    """Peak memory in GiB: `parts` by component sum to `mid`; `low` and `high` are the band around it."""

    method: Method
    batch_size: int
    max_seq_length: int
    lora_rank: int
    parts: Mapping[str, float]
    low: float
    mid: float
    high: float
    gpu_gib: float
    fits: bool

    def to_dict(self) -> dict[str, Any]:
        """JSON data: `gib` is the middle of the band."""
        return {
            "gib": round(self.mid, 2),
            "low": round(self.low, 2),
            "high": round(self.high, 2),
            "gpu_gib": self.gpu_gib,
            "fits": self.fits,
            "parts": {name: round(gib, 2) for name, gib in self.parts.items()},
        }


def estimate_memory(
    model: BaseModel,
    *,
    gpu: Gpu,
    method: Method,
    batch_size: int,
    max_seq_length: int,
    lora_rank: int,
    checkpointing: bool = True,
    chunked_loss: bool = True,
) -> MemoryEstimate:
    """Peak memory of training `model` on `gpu` with micro-batches of `batch_size` x `max_seq_length` tokens.

    With N parameters, T tokens per micro-batch, L layers, hidden size h, widths q and kv of the query and key
    projections, feed-forward width f, vocabulary V, rank r and b bytes per value (2, or 4 on a CPU):

        weights      LoRA b N;  QLoRA 0.516 N_linear + b (embedding, untied head, vision tower);  full b N
        adapters     A = r L (4h + 2q + 2kv + 3(h + f)) parameters of 16 bytes: weight, gradient, Adam
        full         2 b N more for Adam, b N for gradients; b is 4 where the GPU trains in fp16
        layer        b T (4f + 2q + 2kv + 4h), + 3T (5h + q + f) when fp32 adapters meet a 16-bit base
        activations  L layers, or b T h L + one layer with checkpointing; QLoRA + one dequantised weight
        logits       12 V T, or 12 V 256 with the chunked loss
        peak         1.03 x sum + 0.6 GB of context (1.5 GB for QLoRA)

    Logits and activations come from allocator traces of SmolLM2-135M and Qwen3-0.6B. Against published
    peaks: Qwen-7B LoRA at 256, 2,048 and 8,192 tokens -2, +1, +6 %; its Q-LoRA -6, +9, +28 %; Qwen-1.8B
    Q-LoRA -14, +12, +38 %; torchtune's Llama 3.1 8B on an RTX 4090 +16 % (LoRA), +33 % (QLoRA). So about
    +-15 % at usual lengths, and too much rather than too little beyond. Attention counts as memory-
    efficient, convolution layers count as attention.
    """
    tokens = batch_size * max_seq_length
    parts = _weights(model, gpu, method) | _trained(model, gpu, method, lora_rank)
    parts["activations"] = _activations(model, gpu, method, tokens, checkpointing)
    parts["logits"] = LOGIT_BYTES * model.shape.vocab * (min(tokens, LOSS_CHUNK) if chunked_loss else tokens)
    context = QLORA_CONTEXT_BYTES if method == "qlora" else CONTEXT_BYTES
    parts["overhead"] = FRAGMENTATION * sum(parts.values()) + context
    gib = {name: size / GIB for name, size in parts.items()}
    mid = sum(gib.values())
    return MemoryEstimate(
        method=method,
        batch_size=batch_size,
        max_seq_length=max_seq_length,
        lora_rank=lora_rank,
        parts=MappingProxyType(gib),
        low=mid * (1 - BAND),
        mid=mid,
        high=mid * (1 + BAND),
        gpu_gib=gpu.memory_gib,
        fits=mid <= ROOM * gpu.memory_gib,
    )


def adapter_parameters(model: BaseModel, lora_rank: int) -> int:
    """Parameters of LoRA adapters of this rank on the seven linear layers of every block.

    A little too many for fused projections (Phi +20 %) and convolutions (LFM2 +1 %).
    """
    shape = model.shape
    widths = 4 * shape.hidden + 2 * shape.query_width + 2 * shape.kv_width + 3 * (shape.hidden + shape.ffn)
    return lora_rank * shape.layers * widths


def _weights(model: BaseModel, gpu: Gpu, method: Method) -> dict[str, float]:
    """Bytes of the base weights as they are held during training."""
    everything = model.parameters + model.vision_parameters
    if method == "qlora":
        unquantised = everything - model.linear_parameters
        return {"weights": NF4_BYTES * model.linear_parameters + gpu.value_bytes * unquantised}
    return {"weights": float(everything * _weight_bytes(gpu, method))}


def _weight_bytes(gpu: Gpu, method: Method) -> int:
    # A GradScaler refuses fp16 gradients, so what is trained on an fp16 card stays in fp32.
    return 4 if method == "full" and gpu.fp16 else gpu.value_bytes


def _trained(model: BaseModel, gpu: Gpu, method: Method, lora_rank: int) -> dict[str, float]:
    """Bytes of adapters, gradients and optimiser state."""
    if method == "full":
        size = model.parameters * _weight_bytes(gpu, method)
        return {"adapters": 0.0, "gradients": float(size), "optimizer": 2.0 * size}
    count = adapter_parameters(model, lora_rank)
    return {name: float(size * count) for name, size in ADAPTER_BYTES.items()}


def _activations(model: BaseModel, gpu: Gpu, method: Method, tokens: int, checkpointing: bool) -> float:
    """Bytes kept for the backward pass."""
    shape = model.shape
    hidden, query, ffn = shape.hidden, shape.query_width, shape.ffn
    layer = gpu.value_bytes * tokens * (4 * ffn + 2 * query + 2 * shape.kv_width + 4 * hidden)
    if method != "full" and gpu.value_bytes == 2:
        layer += 3 * tokens * (5 * hidden + query + ffn)
    dequantised = gpu.value_bytes * hidden * ffn if method == "qlora" else 0
    if not checkpointing:
        return layer * shape.layers + dequantised
    return gpu.value_bytes * tokens * hidden * shape.layers + layer + dequantised
