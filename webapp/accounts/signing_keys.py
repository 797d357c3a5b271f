"""The public keys by which a server signs its tokens (JWKS, RFC 7517): fetched, kept for a while, rotated."""

import json
from collections.abc import Mapping
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

import jwt

from webapp import outbound
from webapp.errors import Problem

FRESH_SECONDS = 600.0
# How long keys are trusted while the server cannot be asked: what it has withdrawn meanwhile would be accepted.
STALE_SECONDS = 3600.0
# Between two questions, however many unknown keys strangers name; less after one that failed.
PAUSE_SECONDS = 30.0
RETRY_SECONDS = 5.0
ANSWER_SECONDS = 5.0
MAX_BYTES = 256 * 1024
# By what a key is, not by what a token or the key says of it; nothing symmetric is ever published.
_ALGORITHMS = {("EC", "P-256"): "ES256", ("RSA", None): "RS256"}


class _Known(NamedTuple):
    keys: Mapping[str, jwt.PyJWK]
    at: float

    def age(self) -> float:
        return monotonic() - self.at


class SigningKeys:
    """The keys at `url`, by their ids; safe to share between threads."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._known = _Known({}, float("-inf"))
        self._next = float("-inf")
        self._failed = False
        self._asking = Lock()

    def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key, None when there is none of that id; raises Problem `supabase_unavailable` when nobody can say."""
        known = self._known
        usable = key_id in known.keys and known.age() < STALE_SECONDS
        if usable and known.age() < FRESH_SECONDS:
            return known.keys[key_id]
        # One thread asks; those who can go on with what they know do.
        if self._asking.acquire(blocking=not usable):
            try:
                if monotonic() >= self._next and self._known is known:
                    self._ask()
            finally:
                self._asking.release()
        known = self._known
        if key_id in known.keys and known.age() < STALE_SECONDS:
            return known.keys[key_id]
        if self._failed:
            raise Problem(
                "supabase_unavailable",
                "Who you are cannot be checked now: the Supabase project does not answer. Try again in a minute.",
                status=503,
            )
        return None

    def _ask(self) -> None:
        try:
            answer = outbound.get(self._url, max_bytes=MAX_BYTES, seconds=ANSWER_SECONDS, trusted=self._url)
            keys = _parsed(answer.body) if answer.status == 200 else None
        except Problem:
            keys = None
        self._failed = keys is None
        if keys is not None:
            self._known = _Known(keys, monotonic())
        self._next = monotonic() + (RETRY_SECONDS if self._failed else PAUSE_SECONDS)


def _parsed(body: bytes) -> dict[str, jwt.PyJWK] | None:
    """The keys that can sign tokens; None for what is no key set."""
    try:
        listed = json.loads(body)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not isinstance(listed, list):
        return None
    found = ((entry["kid"], _key(entry)) for entry in listed if isinstance(entry, dict) and _named(entry))
    return {key_id: key for key_id, key in found if key}


def _named(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("kid"), str) and entry.get("use", "sig") == "sig"


def _key(entry: Mapping[str, Any]) -> jwt.PyJWK | None:
    kind, curve = entry.get("kty"), entry.get("crv")
    algorithm = _ALGORITHMS.get((kind, curve)) if isinstance(kind, str) and isinstance(curve, str | None) else None
    if algorithm is None or entry.get("alg", algorithm) != algorithm:
        return None
    try:
        return jwt.PyJWK({name: entry[name] for name in entry if name != "alg"}, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
