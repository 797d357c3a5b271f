"""The machines a fine-tuning run can be planned for: as data, and this one as it is."""

import re
from functools import cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from webapp.catalog.entries import read_entries, unknown
from webapp.catalog.machine import cores, memory_bytes, read_card

Method = Literal["lora", "qlora", "full"]

THIS_MACHINE = "this-machine"
SYSTEM_GIB = 2  # main memory left to the system
DRIVER_GIB = 0.3  # of a card's memory that the driver keeps: a T4 has 15.0 GiB, PyTorch reports 14.75


# Compared by identity, as the base models.
class Gpu(msgspec.Struct, frozen=True, eq=False, forbid_unknown_fields=True):
    """One machine; the fields are explained at the top of gpus.toml."""

    id: Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    name: Annotated[str, Meta(min_length=1)]
    memory_gib: Annotated[float, Meta(gt=0)]
    value_bytes: Literal[2, 4]
    bf16: bool
    tflops: Annotated[float, Meta(gt=0)]
    share: Annotated[float, Meta(gt=0, le=1)]
    methods: Annotated[tuple[Method, ...], Meta(min_length=1)]
    source: Annotated[str, Meta(min_length=1)]
    colab: str = ""

    @property
    def fp16(self) -> bool:
        """Whether it trains in fp16, whose largest number is 65,504."""
        return self.value_bytes == 2 and not self.bf16


@cache
def gpus() -> tuple[Gpu, ...]:
    """All machines, in the catalogue's order."""
    return read_entries("gpus.toml", "gpu", Gpu)


def gpu_ids() -> list[str]:
    """What `find_gpu` finds."""
    return [*(gpu.id for gpu in gpus()), THIS_MACHINE]


def find_gpu(name: str) -> Gpu:
    """The machine of this id, however it is spelt ("RTX 4090", "rtx4090"); "this-machine" is looked at now.

    Raises Problem `unknown_gpu`.
    """
    if _letters(str(name)) == _letters(THIS_MACHINE):
        return this_machine()
    for gpu in gpus():
        if _letters(str(name)) == _letters(gpu.id):
            return gpu
    raise unknown("gpu", name, gpu_ids(), param="gpu")


def this_machine() -> Gpu:
    """The machine this runs on: its first NVIDIA card with the memory it has, else its processor."""
    card = read_card()
    if card is None:
        return processor(cores())
    like = next((gpu for gpu in gpus() if _words(gpu.name) <= _words(card.name)), None)
    speed = like or find_gpu("t4")  # of the NVIDIA cards here the slowest
    bf16 = card.capability >= (8, 0)
    if card.mebibytes is None:
        gib, memory = memory_bytes() / 2**30 - SYSTEM_GIB, "memory of the machine, which the card shares"
    else:
        gib, memory = card.mebibytes / 1024 - DRIVER_GIB, "memory from nvidia-smi"
    known = f"the {speed.name}" if like else f"no card that is known: that of the {speed.name}"
    return Gpu(
        id=THIS_MACHINE,
        name=f"{card.name} of this machine",
        memory_gib=round(max(1.0, gib), 2),
        value_bytes=2,
        bf16=bf16,
        tflops=speed.tflops,
        share=speed.share,
        methods=speed.methods,
        source=f"name from nvidia-smi; {memory}; speed of {known}",
    )


def processor(count: int) -> Gpu:
    """So many cores of this machine, each as fast as one of the 8 of the catalogue's `cpu`."""
    cpu, gib = find_gpu("cpu"), memory_bytes() / 2**30
    return Gpu(
        id=THIS_MACHINE,
        name=f"CPU of this machine ({count} cores, {gib:.0f} GiB)",
        memory_gib=round(max(1.0, gib - SYSTEM_GIB), 2),
        value_bytes=cpu.value_bytes,
        bf16=cpu.bf16,
        tflops=cpu.tflops * count / 8,
        share=cpu.share,
        methods=cpu.methods,
        source="memory and cores of this machine, or of its container; the speed of a core is an assumption",
    )


def _letters(name: str) -> str:
    return re.sub(r"[\s_-]", "", name.lower())


def _words(name: str) -> set[str]:
    """What a name says: "A100 80 GB" says no more than "NVIDIA A100-SXM4-80GB"."""
    return set(re.split(r"[\s-]+", re.sub(r"(\d) GB", r"\1GB", name).lower()))
