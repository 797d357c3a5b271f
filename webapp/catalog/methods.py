"""The ways to fine-tune, and which of them a machine can run."""

from functools import cache
from typing import get_args

from webapp.catalog.entries import unknown
from webapp.catalog.gpus import Gpu, Method
from webapp.errors import Problem

METHOD_NAMES: dict[Method, str] = {"lora": "LoRA", "qlora": "QLoRA", "full": "full fine-tuning"}

# LoRA first: a step takes about a quarter less time than with QLoRA (Qwen-7B on an A100: 5.2 against 7.0 s),
# and nothing is lost to 4-bit weights. Full fine-tuning is never chosen, only asked for.
CHOICE: tuple[Method, ...] = ("lora", "qlora")


@cache
def methods_on(gpu: Gpu) -> tuple[Method, ...]:
    """The methods to try on this machine when none is asked for, in their order."""
    return tuple(name for name in CHOICE if name in gpu.methods)


def resolve_method(name: str, gpu: Gpu, *, param: str = "method") -> Method:
    """The method of this name. Raises Problem `unknown_method`, or `method_unavailable` on this machine."""
    for known in get_args(Method):
        if name.strip().lower() == known:
            if known not in gpu.methods:
                message = f"{METHOD_NAMES[known]} cannot be run on the {gpu.name}."
                raise Problem("method_unavailable", message, param=param)
            return known  # type: ignore[no-any-return]
    raise unknown("method", name, get_args(Method), param=param)
