"""How full a card gets, as a bar: the parts of the peak side by side, against what the card has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp.training.memory import ROOM

_WIDTH = 1000


@dataclass(frozen=True)
class Part:
    """One component of the peak, in GiB, and where the bar has it."""

    name: str
    gib: float
    x: int
    width: int


@dataclass(frozen=True)
class MemoryBar:
    """The bar: 1,000 units are the card, or the peak where that is more; `room` is where 85 % of the card end."""

    parts: tuple[Part, ...]
    card: int
    room: int
    gib: float
    low: float
    high: float
    gpu_gib: float
    fits: bool

    @property
    def key(self) -> list[tuple[str, float]]:
        """The components and their GiB."""
        return [(part.name, part.gib) for part in self.parts]

    @property
    def words(self) -> str:
        """What the bar shows."""
        return f"{self.gib:.1f} of {self.gpu_gib:.1f} GiB"


def memory_bar(memory: Mapping[str, Any]) -> MemoryBar:
    """The bar of a memory estimate as JSON data has it."""
    scale = _WIDTH / max(memory["gib"], memory["gpu_gib"])
    parts, end = [], 0.0
    for name, gib in memory["parts"].items():
        start, end = end, end + gib * scale
        parts.append(Part(name, gib, round(start), round(end) - round(start)))
    card = memory["gpu_gib"] * scale
    given = {name: memory[name] for name in ("gib", "low", "high", "gpu_gib", "fits")}
    return MemoryBar(parts=tuple(parts), card=round(card), room=round(ROOM * card), **given)
