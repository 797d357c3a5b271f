"""What browsers keep of a sign-in: a cookie, signed with the installation's secret, that scripts cannot read."""

import hashlib
from datetime import UTC, datetime, timedelta

from flask import Flask, Request, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import URLSafeTimedSerializer

from webapp.accounts import SignedIn
from webapp.api.context import ACCOUNT, services
from webapp.errors import Problem


class Cookies(SecureCookieSessionInterface):
    """Flask's sessions, whose key is looked up with the first one: to make an app takes no store."""

    salt = "tunebook.sessions"
    digest_method = staticmethod(hashlib.sha256)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer:  # noqa: ARG002
        """Signs and reads the cookie."""
        return URLSafeTimedSerializer(
            services().secret,
            salt=self.salt,
            serializer=self.serializer,
            signer_kwargs={"key_derivation": self.key_derivation, "digest_method": self.digest_method},
        )

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """What the cookie holds; nothing without one, or while the store has no secret to read it by."""
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        try:
            return super().open_session(app, request)
        except Problem:
            return self.session_class()

    def get_expiration_time(self, app: Flask, session: SessionMixin) -> datetime:  # noqa: ARG002
        """When browsers forget it: it outlives a closed window."""
        return datetime.now(UTC) + app.permanent_session_lifetime

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        """Whether browsers are to send it over HTTPS alone: as soon as they have come that way."""
        return request.is_secure or (services().settings.public_url or "").startswith("https://")


def install(app: Flask) -> None:
    """Gives the application its sessions."""
    app.session_interface = Cookies()
    app.config.update(
        SESSION_COOKIE_NAME="tunebook_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
    )


def remember(made: SignedIn) -> None:
    """This browser is signed in from now on."""
    session[ACCOUNT] = dict(made.cookie)
    g.caller = made.caller


def forget() -> None:
    """This browser is no longer signed in."""
    session.pop(ACCOUNT, None)
    g.pop("caller", None)
