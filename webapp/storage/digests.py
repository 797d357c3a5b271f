"""What is kept of texts that are only ever compared: tokens, tickets, keys."""

import hashlib


def sha256_of(token: str) -> str:
    """The SHA-256 in hexadecimal, of any text that may be sent; a password needs a slow hash instead."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
