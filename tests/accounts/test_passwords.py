"""Passwords: argon2id, and nothing asked of them but their length."""

import pytest

from webapp.accounts import passwords
from webapp.errors import Problem

GOOD = "correct horse battery"


def test_the_hash_is_argon2id_and_salted():
    first, second = passwords.hash_password(GOOD), passwords.hash_password(GOOD)
    assert first.startswith("$argon2id$")
    assert first != second
    assert passwords.is_password(GOOD, first)
    assert not passwords.is_password(GOOD + "!", first)
    assert not passwords.is_outdated(first)


def test_a_hash_with_other_parameters_is_outdated():
    cheap = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
    assert passwords.is_outdated(cheap)


def test_nobody_has_no_password_not_even_the_empty_one():
    assert not passwords.is_password(GOOD, None)
    assert not passwords.is_password("", None)


def test_a_damaged_hash_lets_nobody_in():
    assert not passwords.is_password(GOOD, "nonsense")


def test_an_accent_typed_in_two_ways_is_the_same_password():
    assert passwords.is_password("cafe\u0301 au lait", passwords.hash_password("caf\u00e9 au lait"))


@pytest.mark.parametrize(
    ("password", "code"),
    [("", "password_too_short"), ("123456789", "password_too_short"), ("é" * 513, "password_too_long")],
)
def test_only_the_length_of_a_new_password_is_looked_at(password, code):
    with pytest.raises(Problem) as caught:
        passwords.check_password(password)
    assert (caught.value.code, caught.value.param) == (code, "password")


@pytest.mark.parametrize("password", ["aaaaaaaaaa", "x" * 1024, "\ud800" * 10, "a\x00bbbbbbbbbb"])
def test_any_text_of_that_length_will_do(password):
    passwords.check_password(password)
    assert passwords.is_password(password, passwords.hash_password(password))
