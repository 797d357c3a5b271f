"""The cells of the tables of models and machines."""

import msgspec
import pytest

from webapp.catalog import Range, estimate, find_gpu, find_model
from webapp.pages.fit_cells import Cell, rate, run_cost


@pytest.fixture
def offers():
    """Offers of what costs so much at the cheapest."""

    def at(low, high):
        found = estimate(find_model("qwen3-0.6b"), find_gpu("t4"), "lora", length=512, batch=1)
        (cost, *_) = found.costs_per_million_tokens
        cheap = msgspec.structs.replace(cost, money=Range(low, (low + high) / 2, high))
        return [msgspec.structs.replace(cost, money=Range(90.0, 95.0, 99.0)), cheap]

    return at


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.0001, 0.002, "under 0.01 USD"),
        (0.001, 0.034, "under 0.03 USD"),
        (0.011, 0.014, "about 0.01 USD"),
        (0.5, 2.345, "0.50 to 2.35 USD"),
    ],
    ids=["nothing", "from nothing", "alike", "range"],
)
def test_the_cost_of_a_run_is_the_cheapest_to_the_hundredth(offers, low, high, said):
    assert run_cost(offers(low, high)) == said


def test_the_rate_has_two_digits(offers):
    assert rate(offers(0.0031, 0.0079)) == "0.0031 to 0.0079 USD"


def test_where_no_price_is_known_nothing_is_said():
    assert (rate([]), run_cost([])) == ("", "")


@pytest.mark.parametrize(("fit", "word"), [("no", "no"), ("needs_bf16", "no bf16")])
def test_what_cannot_work_has_no_time_and_no_cost(fit, word):
    assert Cell.of(fit, 20.0, Range(1, 2, 3), "1 USD") == Cell(fit, word, 20.0, None, "")
