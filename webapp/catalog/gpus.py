"""The machines a fine-tuning run can be planned for, as data."""

import re
from functools import cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from webapp.catalog.entries import read_entries, unknown

Method = Literal["lora", "qlora", "full"]


class Gpu(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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


def find_gpu(name: str) -> Gpu:
    """The machine of this id, however it is spelt ("RTX 4090", "rtx4090"). Raises Problem `unknown_gpu`."""
    for gpu in gpus():
        if _letters(str(name)) == _letters(gpu.id):
            return gpu
    raise unknown("gpu", name, [gpu.id for gpu in gpus()], param="gpu")


def _letters(name: str) -> str:
    return re.sub(r"[\s_-]", "", name.lower())
