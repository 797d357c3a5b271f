"""Signed links: one path, for a while, by our key only."""

import pytest

from webapp.errors import Problem
from webapp.storage import links

SECRET = "a secret of the server"


def refusal(path: str, token: str, secret: str = SECRET) -> tuple[str, int]:
    with pytest.raises(Problem) as caught:
        links.verify(secret, path, token)
    return caught.value.code, caught.value.status


def test_a_link_opens_its_own_path():
    links.verify(SECRET, "/download/notebook/1", links.sign(SECRET, "/download/notebook/1", 60))


def test_it_opens_no_other_path():
    assert refusal("/download/notebook/2", links.sign(SECRET, "/download/notebook/1", 60)) == (
        "invalid_link",
        403,
    )


def test_it_ends():
    assert refusal("/x", links.sign(SECRET, "/x", -1)) == ("link_expired", 403)


def test_its_end_cannot_be_moved():
    expires, _, signature = links.sign(SECRET, "/x", -1).partition(".")
    assert refusal("/x", f"{int(expires) + 1000}.{signature}") == ("invalid_link", 403)


def test_another_key_signs_nothing():
    assert refusal("/x", links.sign("another", "/x", 60)) == ("invalid_link", 403)


@pytest.mark.parametrize("token", ["", ".", "x", "1.", "1.2.3", "9" * 5000, "١.x", "1.é", "\0", "-1.x"])
def test_nonsense_is_refused(token):
    assert refusal("/x", token) == ("invalid_link", 403)


def test_a_token_can_stand_in_a_query_string():
    assert set(links.sign(SECRET, "/x y?&", 60)) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    )
