"""The memory formula against the table it was chosen by, and against peaks that others published."""

import msgspec
import pytest

from webapp.catalog import BaseModel, MemoryEstimate, Method, Shape, estimate_memory, find_gpu, find_model

GB_PER_GIB = 2**30 / 1e9
QLORA_FLOOR = 1.5 - 0.6  # GB by which the context of QLoRA is counted higher than in the table

# GB at 2 x 1,024 tokens, rank 16, checkpointing: QLoRA and LoRA with the chunked and the plain loss, full
# fine-tuning in pure bf16 and with fp32 weights.
TABLE = {
    "gemma-3-270m": (2.0, 7.8, 2.2, 8.0, 3.7, 6.0),
    "qwen3-0.6b": (2.1, 5.5, 2.8, 6.1, 6.2, 11.1),
    "llama-3.2-1b": (2.7, 5.6, 4.2, 7.0, 11.5, 21.7),
    "qwen3-1.7b": (3.3, 6.7, 5.4, 8.8, 15.7, 29.8),
    "smollm3-3b": (4.3, 7.1, 8.5, 11.4, 26.9, 52.2),
    "llama-3.2-3b": (4.5, 7.4, 8.8, 11.6, 28.1, 54.5),
    "granite-4.1-3b": (4.5, 6.7, 9.2, 11.5, 29.6, 57.6),
    "phi-4-mini": (5.5, 10.0, 10.4, 14.8, 33.5, 65.1),
    "qwen3-4b": (5.2, 8.6, 10.7, 14.1, 34.9, 68.0),
    "qwen3-8b": (9.3, 12.7, 19.8, 23.2, 69.5, 137.0),
}


def estimate(
    model: BaseModel,
    method: Method,
    *,
    gpu: str = "a100-80",
    batch_size: int = 2,
    max_seq_length: int = 1024,
    lora_rank: int = 16,
    checkpointing: bool = True,
    chunked_loss: bool = True,
) -> MemoryEstimate:
    return estimate_memory(
        model,
        gpu=find_gpu(gpu),
        method=method,
        batch_size=batch_size,
        max_seq_length=max_seq_length,
        lora_rank=lora_rank,
        checkpointing=checkpointing,
        chunked_loss=chunked_loss,
    )


@pytest.mark.parametrize("name", TABLE)
def test_the_table(name: str) -> None:
    """To its own rounding, 0.1 GB, and 1 % for the large figures."""
    model = find_model(name)
    qlora, qlora_plain, lora, lora_plain, bf16, fp32 = TABLE[name]
    rows = [
        (estimate(model, "qlora"), qlora + QLORA_FLOOR),
        (estimate(model, "qlora", chunked_loss=False), qlora_plain + QLORA_FLOOR),
        (estimate(model, "lora"), lora),
        (estimate(model, "lora", chunked_loss=False), lora_plain),
        (estimate(model, "full"), bf16),
        (estimate(model, "full", gpu="t4"), fp32),
    ]
    for found, expected in rows:
        assert found.mid * GB_PER_GIB == pytest.approx(expected, abs=0.1, rel=0.01), found.method


def like(parameters: int, layers: int, hidden: int, kv_heads: int, ffn: int, vocab: int) -> BaseModel:
    """A model of this shape with an untied head and heads of 128."""
    shape = Shape("llama", "LlamaForCausalLM", layers, hidden, hidden // 128, kv_heads, 128, ffn, vocab, False)
    return msgspec.structs.replace(find_model("qwen3-8b"), parameters=parameters, shape=shape)


QWEN_7B = like(7_721_324_544, 32, 4096, 32, 11008, 151_936)
QWEN_1_8B = like(1_836_828_672, 24, 2048, 16, 5504, 151_936)
LLAMA_8B = like(8_030_261_248, 32, 4096, 8, 14336, 128_256)


@pytest.mark.parametrize(
    ("model", "method", "length", "published_gb", "low", "high"),
    [
        (QWEN_7B, "lora", 256, 20.1, -0.05, 0.05),
        (QWEN_7B, "lora", 2048, 23.8, -0.05, 0.05),
        (QWEN_7B, "lora", 8192, 36.6, -0.05, 0.10),
        (QWEN_7B, "qlora", 256, 11.5, -0.10, 0.10),
        (QWEN_7B, "qlora", 2048, 13.9, -0.05, 0.10),
        (QWEN_7B, "qlora", 8192, 23.5, 0.00, 0.30),
        (QWEN_1_8B, "qlora", 256, 5.8, -0.15, 0.00),
        (QWEN_1_8B, "qlora", 2048, 7.8, 0.00, 0.15),
        (QWEN_1_8B, "qlora", 8192, 15.8, 0.00, 0.40),
    ],
)
def test_published_peaks_of_qwen(
    model: BaseModel, method: Method, length: int, published_gb: float, low: float, high: float
) -> None:
    """Qwen's README: one row at a time, rank 64, an A100, plain loss; its Q-LoRA is GPTQ, ours NF4.

    Within 15 % up to 2,048 tokens; beyond, the estimate is too high, never too low.
    """
    found = estimate(model, method, batch_size=1, max_seq_length=length, lora_rank=64, chunked_loss=False)
    assert low <= found.mid * GB_PER_GIB / published_gb - 1 <= high


@pytest.mark.parametrize(("method", "published_gib"), [("lora", 16.2), ("qlora", 7.4)])
def test_published_peaks_of_torchtune(method: Method, published_gib: float) -> None:
    """Llama 3.1 8B, 2 rows of 2,048 on an RTX 4090, rank 8; its adapters are bf16: to 35 % above."""
    found = estimate(LLAMA_8B, method, gpu="rtx-4090", max_seq_length=2048, lora_rank=8)
    assert 0 <= found.mid / published_gib - 1 <= 0.35


def test_parts_sum_to_the_middle_of_the_band() -> None:
    for method in ("lora", "qlora", "full"):
        found = estimate(find_model("smollm3-3b"), method)
        assert sum(found.parts.values()) == pytest.approx(found.mid)
        assert found.low == pytest.approx(0.8 * found.mid)
        assert found.high == pytest.approx(1.2 * found.mid)
        assert set(found.parts) == {
            "weights", "adapters", "gradients", "optimizer", "activations", "logits", "overhead",
        }  # fmt: skip


def test_it_fits_only_below_85_percent_of_the_card() -> None:
    model = find_model("qwen3-4b")
    assert estimate(model, "lora", gpu="t4").fits
    tight = estimate(model, "lora", gpu="t4", batch_size=6, max_seq_length=2048)
    assert 0.85 < tight.mid / 14.75 < 1
    assert not tight.fits


def test_chunked_loss_and_checkpointing_save_what_they_are_used_for() -> None:
    model = find_model("phi-4-mini")
    plain = estimate(model, "lora", chunked_loss=False)
    chunked = estimate(model, "lora")
    assert (plain.parts["logits"] - chunked.parts["logits"]) * 2**30 == pytest.approx(12 * 200_064 * (2048 - 256))
    assert estimate(model, "lora", checkpointing=False).parts["activations"] > 10 * chunked.parts["activations"]


def test_a_short_batch_has_fewer_logits_than_a_chunk() -> None:
    found = estimate(find_model("qwen3-0.6b"), "lora", batch_size=1, max_seq_length=64)
    assert found.parts["logits"] * 2**30 == pytest.approx(12 * 151_936 * 64)


def test_memory_grows_with_batch_length_and_rank() -> None:
    model = find_model("llama-3.2-1b")
    base = estimate(model, "lora").mid
    assert estimate(model, "lora", batch_size=4).mid > base
    assert estimate(model, "lora", max_seq_length=2048).mid > base
    assert estimate(model, "lora", lora_rank=64).mid > base
    assert estimate(model, "qlora").mid < base < estimate(model, "full").mid


def test_a_vision_tower_takes_memory_though_it_is_not_trained() -> None:
    model = find_model("ministral-3-3b")
    text_only = msgspec.structs.replace(model, vision_parameters=0)
    saved = estimate(model, "lora").parts["weights"] - estimate(text_only, "lora").parts["weights"]
    assert saved * 2**30 == pytest.approx(2 * 420_000_000)


def test_a_cpu_holds_four_bytes_a_value() -> None:
    model = find_model("qwen3-0.6b")
    assert estimate(model, "lora", gpu="cpu").parts["weights"] * 2**30 == pytest.approx(4 * model.parameters)


def test_to_dict_is_json_with_gib() -> None:
    found = estimate(find_model("smollm2-360m"), "lora", gpu="t4").to_dict()
    assert msgspec.json.decode(msgspec.json.encode(found)) == found
    assert set(found) == {"gib", "low", "high", "gpu_gib", "fits", "parts"}
    assert found["gib"] == pytest.approx(sum(found["parts"].values()), abs=0.05)
