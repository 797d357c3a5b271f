"""How long training takes: floating-point operations over what a card reaches, as a range.

The operations of a token are counted as in Kaplan et al. (2020, Scaling Laws for Neural Language Models, section 2.1)
and Narayanan et al. (2021, arXiv 2104.04473) for recomputed layers. How the result compares with published speeds is
in docs/estimates.md.
"""

import msgspec

from webapp.catalog.gpus import Gpu, Method
from webapp.training.memory import Dimensions

# Published fine-tuning runs reach 20 to 50 % of a card's peak: 1.6 times either side of their geometric middle.
SPREAD = 1.6
# A Q-LoRA step of Qwen-7B takes 7.0 s on an A100 where LoRA takes 5.2: weights are dequantised in every pass.
QLORA_SHARE = 0.75
# A layer's kernels, forward, recomputed and back, are not started faster: Qwen-7B needs as long for 256 as for 300
# tokens (1.2 s for 8 micro-batches of 32 layers).
LAYER_SECONDS = 0.005
FORWARD_PART = 0.25  # of those kernels
# What a Gated DeltaNet layer takes beyond another one: no notebook installs flash-linear-attention, so it runs as
# PyTorch's loop over chunks. A step of Qwen3.5-9B, 24 of whose 32 layers are of this kind, takes 1.22 s so and 0.70 s
# with those kernels (8 B200, 8 x 1,024 tokens each; huggingface/transformers#48718): 0.74 more for 0.75 of the layers.
RECURRENT_EXTRA = 1.0
DISK_SPEED = 200e6  # bytes a second that checkpoints are written with: an assumption, as of a cloud machine's local SSD
CHECKPOINT_SECONDS = 300  # between two checkpoints, the notebook's default; each evaluation writes one too


class Range(msgspec.Struct, frozen=True):
    """A quantity that is known to be between `low` and `high`, and most likely near `mid`."""

    low: float
    mid: float
    high: float

    def times(self, factor: float) -> "Range":
        """All three, multiplied."""
        return Range(self.low * factor, self.mid * factor, self.high * factor)


def around(mid: float) -> Range:
    """The range of a duration."""
    return Range(mid / SPREAD, mid, mid * SPREAD)


def forward_flops(of: Dimensions, length: int) -> float:
    """Operations of a token's forward pass in a row of `length` tokens: 2 N + 2 L q S with causal attention.

    N counts what is multiplied: not the table that input tokens are looked up in, unless it is the head as well.
    """
    lookup = of.embeddings - of.vocab * of.hidden
    return 2.0 * (of.parameters - lookup) + _attention_flops(of, length)


def training_flops(of: Dimensions, method: Method, length: int, *, checkpointing: bool = True) -> float:
    """Operations of a token forward and back.

    The way back costs twice the way forward, but frozen weights need no gradient, so LoRA is spared half of that
    outside of attention; checkpointing goes forward once more.
    """
    forward = forward_flops(of, length)
    spared = 0.0 if method == "full" else forward - _attention_flops(of, length)
    return 3 * forward - spared + (forward if checkpointing else 0.0)


def reached(gpu: Gpu, method: Method) -> float:
    """Operations a second that training reaches on this card, once its kernels have enough to do."""
    return gpu.tflops * 1e12 * gpu.share * (QLORA_SHARE if method == "qlora" else 1.0)


def slowdown(of: Dimensions) -> float:
    """How many times as long a model takes as one without recurrent layers: 1.75 where they are three of four."""
    return 1 + RECURRENT_EXTRA * of.recurrent_layers / of.layers


def batch_seconds(
    of: Dimensions, gpu: Gpu, method: Method, *, rows: float, length: int, checkpointing: bool = True
) -> float:
    """Seconds of a micro-batch of `rows` x `length` tokens, forward and back."""
    flops = training_flops(of, method, length, checkpointing=checkpointing)
    return slowdown(of) * max(rows * length * flops / reached(gpu, method), of.layers * LAYER_SECONDS)


def forward_seconds(of: Dimensions, gpu: Gpu, method: Method, *, rows: float, length: int) -> float:
    """Seconds of the same micro-batch forward only, as when a held-out loss is measured."""
    compute = rows * length * forward_flops(of, length) / reached(gpu, method)
    return slowdown(of) * max(compute, of.layers * LAYER_SECONDS * FORWARD_PART)


def writing_seconds(weights: float, optimizer: float, *, training: float, evaluations: int) -> float:
    """Seconds of writing checkpoints in a run with so many seconds of training and evaluations.

    `weights` are the bytes that are trained, `optimizer` those of its state. The first checkpoint, before any step, has
    none of it; each evaluation may write the best weights beside its checkpoint.
    """
    between = training / evaluations // CHECKPOINT_SECONDS
    checkpoints = evaluations * (1 + between)
    return (checkpoints * (weights + optimizer) + (1 + evaluations) * weights) / DISK_SPEED


def minutes_per_million_tokens(
    of: Dimensions, gpu: Gpu, method: Method, *, rows: int, length: int, checkpointing: bool = True
) -> Range:
    """Training minutes for a million tokens in full micro-batches."""
    seconds = batch_seconds(of, gpu, method, rows=rows, length=length, checkpointing=checkpointing)
    return around(seconds / (rows * length) * 1e6 / 60)


def _attention_flops(of: Dimensions, length: int) -> float:
    return 2.0 * of.layers * of.query_width * length
