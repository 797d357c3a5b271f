"""Prices, as dated data."""

import datetime

import pytest

from webapp.catalog import Range, gpus
from webapp.catalog.prices import costs, prices


@pytest.mark.parametrize("price", prices(), ids=lambda price: price.id)
def test_a_price_is_of_a_known_card_and_names_its_day(price) -> None:
    assert price.gpu in {gpu.id for gpu in gpus()}
    assert datetime.date(2025, 1, 1) <= price.as_of <= datetime.date(2026, 12, 31)
    assert 0 < price.per_hour < 20


def test_no_price_of_colab_is_called_verified() -> None:
    """Nobody has read its table of units an hour."""
    colab = [price for price in prices() if price.provider == "Colab"]
    assert {price.gpu for price in colab} == {"t4", "l4", "a100-40"}
    assert not any(price.verified for price in colab)


def test_an_hour_costs_what_an_hour_costs() -> None:
    colab, aws = costs("t4", Range(30, 60, 120))
    assert (colab.unit, colab.units.mid) == ("compute units", 1.2)
    assert (colab.money.low, colab.money.mid, colab.money.high) == pytest.approx((0.06, 0.12, 0.24))
    assert aws.money.mid == pytest.approx(0.526)


def test_a_card_without_an_offer_has_no_cost() -> None:
    assert costs("rtx-3090", Range(1, 2, 3)) == ()
