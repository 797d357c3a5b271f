"""Too many attempts: counted for accounts and addresses, on the shared counters or, without them, here."""

import pytest
from limits.errors import StorageError

from webapp.accounts.throttle import Throttle
from webapp.errors import Problem


@pytest.fixture
def throttle():
    return Throttle("memory://")


def allowed(attempt, times):
    """How many of them pass before one is refused."""
    for count in range(times):
        try:
            attempt(count)
        except Problem:
            return count
    return times


def test_a_refusal_says_when_to_come_back(throttle):
    allowed(lambda _: throttle.attempt("a@example.org", "192.0.2.1"), 5)
    with pytest.raises(Problem) as caught:
        throttle.attempt("a@example.org", "192.0.2.1")
    assert (caught.value.code, caught.value.status) == ("too_many_attempts", 429)
    assert 1 <= caught.value.details["retry_after"] <= 60


def test_an_account_is_tried_five_times_a_minute_from_wherever(throttle):
    assert allowed(lambda count: throttle.attempt("a@example.org", f"192.0.2.{count}"), 9) == 5
    throttle.attempt("b@example.org", "192.0.2.1")


def test_an_address_tries_thirty_times_a_minute_whatever_the_account(throttle):
    assert allowed(lambda count: throttle.attempt(f"{count}@example.org", "192.0.2.1"), 40) == 30
    throttle.attempt("x@example.org", "192.0.2.2")


@pytest.mark.parametrize(
    ("address", "same"),
    [("2001:db8::{}", True), ("2001:db8:0:{}::1", False), ("::ffff:192.0.2.{}", False), ("unknown", True)],
)
def test_a_network_of_ipv6_counts_as_one_address(throttle, address, same):
    passed = allowed(lambda count: throttle.registration(address.format(count)), 20)
    assert passed == (10 if same else 20)


def test_success_begins_anew(throttle):
    for _ in range(4):
        assert allowed(lambda _: throttle.attempt("a@example.org", "192.0.2.1"), 4) == 4
        throttle.succeeded("a@example.org")


def test_without_the_shared_counters_it_counts_here(throttle, monkeypatch):
    def away(*_, **__):
        raise StorageError(ConnectionError())

    monkeypatch.setattr(throttle._shared, "hit", away)
    monkeypatch.setattr(throttle._shared, "clear", away)
    assert allowed(lambda _: throttle.attempt("a@example.org", "192.0.2.1"), 9) == 5
    throttle.succeeded("a@example.org")
    throttle.attempt("a@example.org", "192.0.2.1")
