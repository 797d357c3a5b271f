"""Access tokens of local accounts: signed, short-lived, each belonging to one sign-in."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from webapp.errors import Problem

ACCESS_SECONDS = 15 * 60
_ISSUER = _AUDIENCE = "tunebook"
_ALGORITHM = "HS256"
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "sid"]


@dataclass(frozen=True)
class AccessToken:
    """What a valid token says: the account and the sign-in that it was given to."""

    account_id: str
    sign_in_id: str


class AccessTokens:
    """Issues and checks them with a key of their own, made from the installation's secret."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"tunebook.access_tokens", hashlib.sha256)

    def issue(self, account_id: str, sign_in_id: str) -> str:
        """A token for the next ACCESS_SECONDS."""
        now = datetime.now(UTC)
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": account_id,
            "sid": sign_in_id,
            "iat": now,
            "exp": now + timedelta(seconds=ACCESS_SECONDS),
        }
        return jwt.encode(claims, self._key, _ALGORITHM)

    def read(self, token: str, *, expired_too: bool = False) -> AccessToken:
        """What a token says; raises Problem `invalid_token` or `token_expired` (401)."""
        options: jwt.types.Options = {"require": _REQUIRED, "verify_exp": not expired_too}
        try:
            claims = jwt.decode(
                token, self._key, algorithms=[_ALGORITHM], issuer=_ISSUER, audience=_AUDIENCE, options=options
            )
        except jwt.ExpiredSignatureError:
            raise Problem(
                "token_expired", "This access token has expired: ask for a new one with the refresh token.", status=401
            ) from None
        except (jwt.InvalidTokenError, UnicodeError):
            raise Problem("invalid_token", "This access token is not valid: sign in again.", status=401) from None
        return AccessToken(claims["sub"], str(claims["sid"]))
