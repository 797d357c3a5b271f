"""Whose a Supabase access token is: its signature, and every claim that makes it one of this project's people.

What checks the signature is chosen by the configuration, never by the token: a token that could choose would choose
the public key as an HS256 secret, or no signature at all.
"""

import re
from typing import Any, Protocol

import jwt

from webapp.accounts.callers import Caller
from webapp.accounts.labels import label
from webapp.accounts.signing_keys import SigningKeys
from webapp.errors import Problem
from webapp.settings import Settings
from webapp.storage.supabase_client import not_configured, project_url

AUDIENCE = "authenticated"
LEEWAY_SECONDS = 10
# HS256 is as strong as its secret; Supabase's own are longer.
MIN_SECRET_BYTES = 32
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _Signature(Protocol):
    """The one algorithm and key by which a token has to be signed."""

    def key_of(self, token: str) -> tuple[str, Any]:
        """Raises Problem `invalid_token`, or `supabase_unavailable`."""


class _LegacySecret:
    def __init__(self, secret: str) -> None:
        self._secret = secret

    def key_of(self, token: str) -> tuple[str, Any]:  # noqa: ARG002
        return "HS256", self._secret


class _PublishedKeys:
    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    def key_of(self, token: str) -> tuple[str, Any]:
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
        except (jwt.InvalidTokenError, ValueError) as error:
            raise _invalid() from error
        key = self._keys.find(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise _invalid()
        return key.algorithm_name, key.key


class SupabaseTokens:
    """Tokens of the project at `url`, signed with `secret` by HS256, or without one by a key that it publishes."""

    def __init__(self, url: str, secret: str | None) -> None:
        self._issuer = f"{url.rstrip('/')}/auth/v1"
        self._signature: _Signature = (
            _LegacySecret(secret) if secret else _PublishedKeys(SigningKeys(f"{self._issuer}/.well-known/jwks.json"))
        )

    def caller(self, token: str) -> Caller:
        """The person of the token; raises Problem `invalid_token` or `token_expired` (401), `supabase_unavailable`.

        Their tier is `app_metadata.tier`, which only the project's owner can write: people write `user_metadata`.
        """
        claims = self._claims(token)
        kept = claims.get("app_metadata")
        tier = kept.get("tier") if isinstance(kept, dict) else None
        email, chosen = claims.get("email"), claims.get("user_metadata")
        email = email if isinstance(email, str) else ""
        name = chosen.get("name") if isinstance(chosen, dict) else None
        return Caller(
            id=claims["sub"],
            tier="pro" if tier == "pro" else "free",
            name=(label(name) if isinstance(name, str) else "") or email,
            email=email,
        )

    def _claims(self, token: str) -> dict[str, Any]:
        algorithm, key = self._signature.key_of(token)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=AUDIENCE,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "sub", "aud", "iss"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise Problem(
                "token_expired", "This sign-in has expired: refresh it, or sign in again.", status=401
            ) from error
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise _invalid() from error
        # The keys of the project itself are tokens of the same secret, of nobody in particular.
        if claims.get("role") != AUDIENCE or not _UUID.fullmatch(claims["sub"]):
            raise _invalid()
        return claims


def supabase_tokens(settings: Settings) -> SupabaseTokens:
    """The verifier that SUPABASE_URL and SUPABASE_JWT_SECRET ask for; raises Problem `supabase_not_configured`."""
    secret = settings.supabase_jwt_secret.get_secret_value() if settings.supabase_jwt_secret else None
    if secret and len(secret.encode()) < MIN_SECRET_BYTES:
        raise not_configured(f"SUPABASE_JWT_SECRET is too short for HS256: it has at least {MIN_SECRET_BYTES} bytes")
    return SupabaseTokens(project_url(settings), secret)


def _invalid() -> Problem:
    return Problem("invalid_token", "This access token is not valid here: sign in again.", status=401)
