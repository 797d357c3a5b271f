"""The memory formula: what each part follows from. Published peaks are in test_published.py."""

import msgspec
import pytest

from webapp.catalog import BaseModel, MemoryEstimate, Method, estimate_memory, find_gpu, find_model


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


def test_parts_sum_to_the_middle_of_the_band() -> None:
    for method in ("lora", "qlora", "full"):
        found = estimate(find_model("smollm3-3b"), method)
        assert sum(found.parts.values()) == pytest.approx(found.mid)
        assert found.low == pytest.approx(0.85 * found.mid)
        assert found.high == pytest.approx(1.15 * found.mid)
        assert set(found.parts) == {
            "weights", "adapters", "gradients", "optimizer", "casts", "activations", "logits", "overhead",
        }  # fmt: skip


def test_it_fits_only_below_85_percent_of_the_card() -> None:
    model = find_model("qwen3-4b")
    assert estimate(model, "lora", gpu="t4").fits
    tight = estimate(model, "lora", gpu="t4", batch_size=2, max_seq_length=2048)
    assert 0.85 < tight.mid / 14.75 < 1
    assert not tight.fits


def test_chunked_loss_and_checkpointing_save_what_they_are_used_for() -> None:
    model = find_model("phi-4-mini")
    plain = estimate(model, "lora", chunked_loss=False)
    chunked = estimate(model, "lora")
    assert (plain.parts["logits"] - chunked.parts["logits"]) * 2**30 == pytest.approx(12 * 200_064 * (2048 - 256))
    assert estimate(model, "lora", checkpointing=False).parts["activations"] > 10 * chunked.parts["activations"]


def test_a_layer_is_recomputed_where_the_logits_have_been() -> None:
    """Under checkpointing the logits are gone before the first layer is, so the larger of the two counts."""
    model = find_model("qwen3-8b")
    kept = 2 * 2048 * model.shape.hidden * model.shape.layers  # what checkpointing keeps: a hidden state a layer
    plain = estimate(model, "lora", chunked_loss=False)
    assert plain.parts["activations"] * 2**30 == pytest.approx(kept)
    chunked = estimate(model, "lora")
    assert chunked.parts["activations"] * 2**30 > kept + 50e6


def test_autocast_keeps_a_16_bit_copy_of_what_is_trained_in_32_bits() -> None:
    model = find_model("smollm2-360m")
    assert estimate(model, "full").parts["casts"] * 2**30 == pytest.approx(2 * model.parameters)
    assert estimate(model, "full", gpu="cpu").parts["casts"] == 0
    adapters = estimate(model, "lora").parts
    assert adapters["casts"] == pytest.approx(adapters["adapters"] / 2)


def test_full_fine_tuning_has_32_bit_weights_where_they_fit_and_always_in_fp16() -> None:
    model = find_model("qwen3-4b")
    sizes = {gpu: estimate(model, "full", gpu=gpu).parts["weights"] * 2**30 for gpu in ("h200", "h100", "t4")}
    each = {gpu: round(size / (model.parameters + model.vision_parameters)) for gpu, size in sizes.items()}
    assert each == {"h200": 4, "h100": 2, "t4": 4}


def test_padded_rows_have_a_mask_and_its_copy_in_the_computing_type() -> None:
    model = find_model("qwen3-1.7b")
    one = estimate(model, "lora", batch_size=1, max_seq_length=16_384).parts["activations"]
    two = estimate(model, "lora", batch_size=2, max_seq_length=8192).parts["activations"]  # as many tokens
    assert (two - one) * 2**30 == pytest.approx(3 * 2 * 8192**2)
    kept = [
        estimate(model, "lora", batch_size=rows, max_seq_length=16_384 // rows, checkpointing=False).parts[
            "activations"
        ]
        for rows in (1, 2)
    ]
    assert (kept[1] - kept[0]) * 2**30 == pytest.approx((2 * 28 + 1) * 2 * 8192**2)


def test_an_fp16_card_computes_the_scores_of_heads_that_share_keys() -> None:
    """It has no FlashAttention, and PyTorch's memory-efficient kernel takes no grouped heads."""
    shared, own = find_model("qwen3-1.7b"), find_model("smollm2-1.7b")
    squares = 2 * 2048**2

    def more(model: BaseModel) -> float:
        slow, fast = (estimate(model, "lora", gpu=gpu, max_seq_length=2048).parts for gpu in ("t4", "l4"))
        return (slow["activations"] - fast["activations"]) * 2**30

    assert more(shared) == pytest.approx((12 * 16 - 3) * squares)
    assert more(own) == 0


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
