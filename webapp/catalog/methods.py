"""The ways to fine-tune, and which of them a machine can run."""

from typing import get_args

from webapp.catalog.entries import unknown
from webapp.catalog.gpus import Gpu, Method
from webapp.errors import Problem

METHOD_NAMES: dict[Method, str] = {"lora": "LoRA", "qlora": "QLoRA", "full": "full fine-tuning"}

# LoRA first: a step takes about a quarter less time than with QLoRA (Qwen-7B on an A100: 5.2 against 7.0 s),
# and nothing is lost to 4-bit weights. Full fine-tuning is never chosen, only asked for.
CHOICE: tuple[Method, ...] = ("lora", "qlora")


def methods_on(gpu: Gpu, wanted: str | None = None) -> tuple[Method, ...]:
    """The methods to try on this machine, in order: the wanted one, else LoRA and QLoRA as far as it can run them.

    Raises Problem `method_unavailable` or `unknown_method`.
    """
    if wanted is None:
        return tuple(name for name in CHOICE if name in gpu.methods)
    for known in get_args(Method):
        if wanted.strip().lower() == known and known not in gpu.methods:
            raise Problem("method_unavailable", f"{known} cannot be run on the {gpu.name}.", param="method")
        if wanted.strip().lower() == known:
            return (known,)
    raise unknown("method", wanted, get_args(Method), param="method")
