"""Passwords: argon2id by the library's recommended parameters, and what a new one has to be like."""

import unicodedata
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from webapp.errors import Problem

# NIST SP 800-63B, 5.1.1.2: length is what counts; no rules of composition, and room for a sentence.
MIN_CHARACTERS, MAX_BYTES = 10, 1024

_HASHER = PasswordHasher()
# Each takes 64 MiB while it is worked out: many at once would take the machine's memory.
_PLACES = BoundedSemaphore(4)


def check_password(password: str) -> None:
    """What a new one has to be like; raises Problem `password_too_short` or `password_too_long`."""
    if len(password) < MIN_CHARACTERS:
        message = f"A password has at least {MIN_CHARACTERS} characters; a few words in a row are easy to remember."
        raise Problem("password_too_short", message, param="password")
    if len(_bytes(password)) > MAX_BYTES:
        raise Problem("password_too_long", f"A password takes at most {MAX_BYTES} bytes.", param="password")


def hash_password(password: str) -> str:
    """What is kept of a password."""
    with _PLACES:
        return _HASHER.hash(_bytes(password))


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether this is the password; without a hash (nobody has that name) it takes as long and is not."""
    try:
        with _PLACES:
            return _HASHER.verify(password_hash or _nobodys(), _bytes(password)) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Whether it was made with other parameters than those of today."""
    return _HASHER.check_needs_rehash(password_hash)


@cache
def _nobodys() -> str:
    return _HASHER.hash(b"")


def _bytes(password: str) -> bytes:
    """One form for what looks alike, as keyboards differ in how they write accents; a lone surrogate is no error."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
