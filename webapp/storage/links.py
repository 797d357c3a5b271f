"""Signed links that expire: whoever holds one may fetch that one file, nothing else."""

import hashlib
import time

from itsdangerous import BadSignature, Signer

from webapp.errors import Problem


def sign(secret: str, path: str, expires_in: int) -> str:
    """A token for `path`, good for `expires_in` seconds; safe in a query string."""
    return sign_until(secret, path, int(time.time()) + expires_in)


def sign_until(secret: str, path: str, expires: int) -> str:
    """The token for `path` that is good until `expires`, in seconds since 1970."""
    return f"{expires}.{_signer(secret).get_signature(f'{expires}:{path}').decode()}"


def verify(secret: str, path: str, token: str) -> int:
    """When `token` expires, in seconds since 1970.

    Raises Problem `invalid_link` or `link_expired` unless it was signed for `path` and holds.
    """
    expires, _, signature = token.partition(".")
    try:
        _signer(secret).unsign(f"{expires}:{path}.{signature}")
        deadline = int(expires)
    except (BadSignature, ValueError):
        raise Problem("invalid_link", "This link is not valid.", status=403) from None
    if time.time() >= deadline:
        raise Problem("link_expired", "This link has expired. Open the page again for a new one.", status=403)
    return deadline


def _signer(secret: str) -> Signer:
    return Signer(secret, salt="tunebook.links", key_derivation="hmac", digest_method=hashlib.sha256)
