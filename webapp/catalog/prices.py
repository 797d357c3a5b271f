"""What an hour on a card costs, as dated data."""

import datetime
from functools import cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from webapp.catalog.duration import Range
from webapp.catalog.entries import read_entries
from webapp.catalog.gpus import Gpu

COLAB = "Colab"

Text = Annotated[str, Meta(min_length=1)]


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One offer; the fields are explained at the top of prices.toml."""

    id: Text
    provider: Text
    gpu: Text
    units: Annotated[float, Meta(gt=0)]
    unit: Literal["compute units", "hours"]
    unit_price: Annotated[float, Meta(gt=0)]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    as_of: datetime.date
    verified: bool
    source: Text

    @property
    def per_hour(self) -> float:
        """Money for an hour."""
        return self.units * self.unit_price


class Cost(msgspec.Struct, frozen=True):
    """What some minutes cost at one offer; `units` are the provider's, `money` is in `currency`."""

    provider: str
    unit: str
    units: Range
    currency: str
    money: Range
    as_of: datetime.date
    verified: bool
    source: str


@cache
def prices() -> tuple[Price, ...]:
    """All offers, in the order of the file."""
    return read_entries("prices.toml", "price", Price)


def costs(gpu_id: str, minutes: Range) -> tuple[Cost, ...]:
    """What so many minutes on this card cost, at each offer there is."""
    hours = minutes.times(1 / 60)
    return tuple(
        Cost(
            provider=price.provider,
            unit=price.unit,
            units=hours.times(price.units),
            currency=price.currency,
            money=hours.times(price.per_hour),
            as_of=price.as_of,
            verified=price.verified,
            source=price.source,
        )
        for price in prices()
        if price.gpu == gpu_id
    )


def unpriced(gpu: Gpu) -> tuple[str, ...]:
    """Who has this card, and what an hour costs there is not known."""
    has_no_price = not any(price.provider == COLAB and price.gpu == gpu.id for price in prices())
    return (COLAB,) if gpu.colab and has_no_price else ()
