"""This machine, as it is: its card, else its processor."""

import subprocess
from types import SimpleNamespace

import pytest

from webapp.catalog import find_gpu, gpu_ids, gpus, machine
from webapp.catalog.gpus import processor


@pytest.fixture
def smi(monkeypatch: pytest.MonkeyPatch):
    """Makes nvidia-smi answer a line, or raise."""

    asked = []

    def answer(said):
        def run(*_args, **_options):
            asked.append(said)
            if isinstance(said, Exception):
                raise said
            return SimpleNamespace(stdout=said)

        monkeypatch.setattr(machine.subprocess, "run", run)
        machine.asked_card.cache_clear()
        return asked

    yield answer
    machine.asked_card.cache_clear()


@pytest.mark.parametrize(
    ("line", "like", "bf16"),
    [
        ("Tesla T4, 15360, 7.5\n", "t4", False),
        ("NVIDIA A100-SXM4-80GB, 81920, 8.0\n", "a100-80", True),
        ("NVIDIA GeForce RTX 4090, 24564, 8.9\nNVIDIA GeForce RTX 3090, 24576, 8.6\n", "rtx-4090", True),
        ("NVIDIA A10G, 23028, 8.6\n", "a10g", True),
    ],
)
def test_a_card_has_its_own_memory_and_the_speed_of_its_kind(smi, line, like, bf16) -> None:
    smi(line)
    found, known = find_gpu("this machine"), find_gpu(like)
    assert (found.id, found.tflops, found.share, found.bf16) == ("this-machine", known.tflops, known.share, bf16)
    assert found.memory_gib == pytest.approx(known.memory_gib, rel=0.02)
    assert "qlora" in found.methods


def test_the_speed_of_an_unknown_card_is_said_to_be_a_guess(smi) -> None:
    """An L40S is no L4."""
    smi("NVIDIA L40S, 49152, 8.9\n")
    found = find_gpu("this-machine")
    assert found.memory_gib == pytest.approx(47.7)
    assert "no card that is known" in found.source


def test_a_card_that_shares_the_main_memory_has_all_of_it_but_what_the_system_needs(smi) -> None:
    smi("NVIDIA GB10, [N/A], 12.1\n")
    found = find_gpu("this-machine")
    assert (found.name, found.bf16) == ("NVIDIA GB10 of this machine", True)
    assert found.memory_gib == processor(1).memory_gib
    assert "which the card shares" in found.source


def test_nvidia_smi_is_asked_once_a_minute(smi, monkeypatch) -> None:
    now = [0.0]
    monkeypatch.setattr(machine.time, "monotonic", lambda: now[0])
    asked = smi("Tesla T4, 15360, 7.5\n")
    for now[0] in (0.0, 30.0, 59.0):
        assert find_gpu("this-machine").tflops == find_gpu("t4").tflops
    assert len(asked) == 1
    now[0] = 61.0
    find_gpu("this-machine")
    assert len(asked) == 2


@pytest.mark.parametrize(
    "said",
    [
        FileNotFoundError("nvidia-smi"),
        subprocess.TimeoutExpired("nvidia-smi", 5),
        subprocess.CalledProcessError(9, "nvidia-smi"),
        "No devices were found\n",
        "",
    ],
)
def test_without_a_card_it_is_the_processor(smi, said) -> None:
    smi(said)
    found = find_gpu("this-machine")
    assert (found.value_bytes, found.methods) == (4, ("lora", "full"))
    assert found.tflops == pytest.approx(machine.cores() / 8)


TWO = "0, GPU-aaaa\n1, GPU-bbbb\n"


@pytest.mark.parametrize(
    ("chosen", "visible"),
    [
        (None, {"0": "GPU-aaaa", "1": "GPU-bbbb"}),
        ("", {}),
        ("-1", {}),
        ("1", {"1": "GPU-bbbb"}),
        ("GPU-bbbb, 0", {"1": "GPU-bbbb", "0": "GPU-aaaa"}),
        ("MIG-cccc", {"MIG-cccc": "MIG-cccc"}),
    ],
)
def test_the_cards_that_may_be_used_are_known_by_index_and_name(smi, monkeypatch, chosen, visible) -> None:
    smi(TWO)
    if chosen is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert machine.visible_gpus() == visible


def test_without_a_driver_there_is_no_card_to_use(smi, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    smi(FileNotFoundError("nvidia-smi"))
    assert machine.visible_gpus() == {}


def test_a_container_has_the_memory_it_is_allowed(monkeypatch, tmp_path) -> None:
    whole = machine.memory_bytes()
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "_CGROUP_LIMITS", (limit,))
    limit.write_text("max\n")
    assert machine.memory_bytes() >= whole
    limit.write_text(f"{3 * 2**30}\n")
    assert machine.memory_bytes() == 3 * 2**30
    assert processor(4).memory_gib == 1.0


def test_it_is_found_but_is_no_part_of_the_data(smi) -> None:
    smi("")
    assert gpu_ids() == [*(gpu.id for gpu in gpus()), "this-machine"]
