"""Peaks and speeds that others published, and what our formulae say of the same runs."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from webapp.catalog.duration import Range, minutes_per_million_tokens
from webapp.catalog.entries import decode_entries
from webapp.catalog.gpus import Method, find_gpu
from webapp.catalog.memory import dimensions
from webapp.catalog.models import find_model
from webapp.training.memory import Dimensions, Load, predicted_memory

_FILE = "published.toml"

Text = Annotated[str, Meta(min_length=1)]
Size = Annotated[int, Meta(ge=1)]
Entry = TypeVar("Entry")


class _Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The dimensions of a model that the catalogue does not have."""

    id: Text
    parameters: Size
    layers: Size
    hidden: Size
    query_width: Size
    kv_width: Size
    ffn: Size
    vocab: Size
    embeddings: Size


class PublishedPeak(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A peak in GB as its source has it; the fields are explained at the top of published.toml."""

    id: Text
    run: Text
    shape: Text
    method: Method
    tokens: Size
    lora_rank: Size
    checkpointing: bool
    chunked_loss: bool
    adapter_bytes: int
    logit_bytes: int
    trained_bytes: int
    other_gb: float
    gb: Annotated[float, Meta(gt=0)]
    bound: bool
    source: Text
    assumption: Text

    @property
    def ours(self) -> float:
        """What the formula says of this run, in GB."""
        load = Load(
            method=self.method,
            value_bytes=2,
            trained_bytes=self.trained_bytes,
            tokens=self.tokens,
            lora_rank=self.lora_rank,
            checkpointing=self.checkpointing,
            chunked_loss=self.chunked_loss,
            adapter_bytes=self.adapter_bytes,
            logit_bytes=self.logit_bytes,
        )
        return sum(predicted_memory(_dimensions(self.shape), load).values()) / 1e9 + self.other_gb

    @property
    def error(self) -> float:
        """How far the formula is off, as a share of what was published: 0.1 is 10 % too much."""
        return self.ours / self.gb - 1


class PublishedSpeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Training tokens a second of micro-batches of `rows` x `length` tokens, with checkpointing."""

    id: Text
    run: Text
    shape: Text
    gpu: Text
    method: Method
    rows: Size
    length: Size
    tokens_per_second: Annotated[float, Meta(gt=0)]
    source: Text
    note: Text

    @property
    def minutes(self) -> float:
        """Minutes for a million tokens."""
        return 1e6 / self.tokens_per_second / 60

    @property
    def ours(self) -> Range:
        """What we estimate for a million tokens, in minutes."""
        gpu = find_gpu(self.gpu)
        return minutes_per_million_tokens(_dimensions(self.shape), gpu, self.method, rows=self.rows, length=self.length)

    @property
    def error(self) -> float:
        """How far the middle of our range is off, as a share of what was published: 0.1 is 10 % too long."""
        return self.ours.mid / self.minutes - 1


@cache
def published_peaks() -> tuple[PublishedPeak, ...]:
    """All peaks, in the order of the file."""
    return _entries("peak", PublishedPeak)


@cache
def published_speeds() -> tuple[PublishedSpeed, ...]:
    """All speeds, in the order of the file."""
    return _entries("speed", PublishedSpeed)


def _dimensions(name: str) -> Dimensions:
    """Those of the file, else of the catalogue."""
    for shape in _entries("shape", _Shape):
        if shape.id == name:
            values = msgspec.structs.asdict(shape)
            del values["id"]
            return Dimensions(other_towers=0, **values)
    return dimensions(find_model(name))


@cache
def _entries(key: str, kind: type[Entry]) -> tuple[Entry, ...]:
    document = tomllib.loads(files(__package__).joinpath(_FILE).read_text(encoding="utf-8"))
    return decode_entries({key: document[key]}, _FILE, key, kind)
