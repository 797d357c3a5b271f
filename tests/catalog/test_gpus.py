"""The machines, and the spellings that find them."""

import pytest

from webapp.catalog import find_gpu, gpus
from webapp.errors import Problem


def test_the_machines() -> None:
    assert [gpu.id for gpu in gpus()] == [
        "t4", "l4", "a10g", "a100-40", "a100-80", "h100", "h200", "rtx-3090", "rtx-4090", "apple-16", "apple-32", "cpu",
    ]  # fmt: skip


def test_only_the_t4_trains_in_fp16() -> None:
    assert [gpu.id for gpu in gpus() if gpu.fp16] == ["t4"]


def test_the_t4_is_the_one_of_free_colab() -> None:
    t4 = find_gpu("t4")
    assert (t4.memory_gib, t4.bf16, t4.tflops, t4.share) == (14.75, False, 65.0, 0.20)


def test_a_cpu_holds_fp32_values_and_has_no_qlora() -> None:
    cpu = find_gpu("cpu")
    assert cpu.value_bytes == 4
    assert "qlora" not in cpu.methods


@pytest.mark.parametrize("name", ["rtx-4090", "RTX 4090", "rtx4090", "rtx_4090"])
def test_spellings(name: str) -> None:
    assert find_gpu(name).id == "rtx-4090"


@pytest.mark.parametrize(("name", "hint"), [("a100", "a100-80"), ("", "t4, l4"), ("tpu v5", "t4")])
def test_an_unknown_gpu_names_the_choices(name: str, hint: str) -> None:
    with pytest.raises(Problem) as caught:
        find_gpu(name)
    assert (caught.value.code, caught.value.status, caught.value.param) == ("unknown_gpu", 400, "gpu")
    assert hint in caught.value.message
