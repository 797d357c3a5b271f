"""The two that answer a prompt: the base model, and what was trained from it."""

from typing import Literal

Side = Literal["base", "tuned"]
SIDES: tuple[Side, ...] = ("base", "tuned")
