"""Accounts of a Supabase project: signing in through its Auth service; here only its tokens are read."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import jwt

from webapp.accounts import audit
from webapp.accounts.authentication import Confirmation, Credentials, SignedIn
from webapp.accounts.callers import NOBODY, VISITOR, Caller
from webapp.accounts.keys import caller_of_key, shown_key
from webapp.accounts.supabase_problems import refusal, sign_in_over
from webapp.accounts.supabase_tokens import supabase_tokens
from webapp.accounts.throttle import Throttle
from webapp.accounts.traces import forget
from webapp.errors import Problem
from webapp.settings import Settings
from webapp.storage import Database
from webapp.storage.supabase_client import connect, http_client, not_configured, project_url, require_package

if TYPE_CHECKING:
    from httpx import Client as HttpClient
    from supabase import Client
    from supabase_auth.types import AuthResponse

_ACCESS, _REFRESH = "access_token", "refresh_token"
# A page's token is renewed when less is left of it: longer than a page takes, far shorter than a token lives.
_RENEWED_SECONDS = 120


class SupabaseAccounts:
    """The `Accounts` of the project that the settings name; safe to share between threads.

    Raises Problem `supabase_not_configured` or `supabase_not_installed`.
    """

    confirmed_by: ClassVar[Confirmation] = "email"

    def __init__(self, settings: Settings, db: Database) -> None:
        self._url = project_url(settings)
        if settings.supabase_key is None:
            raise not_configured("SUPABASE_KEY, the project's publishable key, is not set: people sign in with it")
        require_package()
        self._key = settings.supabase_key.get_secret_value()
        service_key = settings.supabase_service_key
        self._service_key = service_key.get_secret_value() if service_key else None
        self._db = db
        self._throttle = Throttle(settings.counters)
        self.tokens = supabase_tokens(settings)

    def caller(self, given: Credentials) -> Caller:
        """The person of an API key, a token or a page's cookie; a visitor where nothing is shown."""
        if key := shown_key(given):
            return caller_of_key(self._db, key, given.address)
        token = given.bearer or given.cookie.get(_ACCESS, "")
        return replace(self.tokens.caller(token) if token else VISITOR, address=given.address)

    def register(self, email: str, password: str, name: str, address: str) -> SignedIn | None:
        """A new account, signed in; None when its email address has to be confirmed first.

        Raises Problem `too_many_attempts`, `weak_password`, `email_taken`, `registration_closed`, `sign_in_refused`,
        `supabase_unavailable`.
        """
        self._throttle.registration(address)
        options = {"data": {"name": name}}
        with self._client() as client:
            answer = client.auth.sign_up({"email": email, "password": password, "options": options})  # type: ignore[typeddict-item]
        signed_in = self._signed_in(answer, address) if answer.session else None
        person = signed_in.caller if signed_in else replace(NOBODY, address=address)
        self._record(person, "signed_up")
        return signed_in

    def sign_in(self, email: str, password: str, address: str) -> SignedIn:
        """Raises Problem `wrong_credentials`, `email_not_confirmed`, `too_many_attempts`, `supabase_unavailable`."""
        email = email.strip().lower()  # as Supabase keeps it
        self._throttle.attempt(email, address)
        try:
            with self._client() as client:
                answer = client.auth.sign_in_with_password({"email": email, "password": password})
        except Problem as problem:
            if problem.status < 500:
                self._record(replace(NOBODY, address=address), "sign_in_failed", reason=problem.code)
            raise
        self._throttle.succeeded(email)
        signed_in = self._signed_in(answer, address)
        self._record(signed_in.caller, "signed_in")
        return signed_in

    def refresh(self, refresh_token: str, address: str) -> SignedIn:
        """New tokens; raises Problem `invalid_refresh_token` (401) for a token that was used or signed out.

        The project takes one again within 10 seconds, so that pages that ask at once all go on.
        """
        if not refresh_token:
            raise sign_in_over()
        try:
            with self._client() as client:
                answer = client.auth.refresh_session(refresh_token)
        except Problem as problem:
            raise (sign_in_over() if problem.status in (400, 401, 403, 404) else problem) from problem
        return self._signed_in(answer, address)

    def sign_out(self, given: Credentials) -> None:
        """Ends the sign-in of an access token, a refresh token or a cookie at the project.

        It is not refreshed again; its last access token is good until it expires.
        """
        try:
            token = self._fresh(given)
            person = self.tokens.caller(token)
            with self._client() as client:
                client.auth.admin.sign_out(token, "local")
        except Problem as problem:
            if problem.status in (401, 403, 404):  # it had ended before
                return
            raise
        self._record(replace(person, address=given.address), "signed_out")

    def renewed(self, cookie: Mapping[str, str]) -> Mapping[str, str] | None:
        """What a page's cookie is to hold from now on: None while it can stay, nothing when its sign-in is over."""
        if not cookie.get(_ACCESS):
            return None
        left = _seconds_left(cookie[_ACCESS])
        if left > _RENEWED_SECONDS:
            return None
        try:
            return self.refresh(cookie.get(_REFRESH, ""), "").cookie
        except Problem as problem:
            if problem.status == 401:
                return {}
            if left > 0:  # the project is away, and the token still good
                return None
            raise

    def confirm(self, person: Caller, given: str) -> None:
        """Raises Problem `not_confirmed` (403) unless this is the person's email address, or id where there is none.

        Passwords are the project's, and whoever signs in by another service has none.
        """
        if given.strip().lower() != (person.email or person.id or "").lower():
            message = "This is not the email address that you are signed in with."
            raise Problem("not_confirmed", message, status=403, param="email")

    def remove(self, person: Caller) -> bool:
        """Deletes what is kept here, and with SUPABASE_SERVICE_KEY the sign-in: whether it did.

        Raises Problem `account_owns_data`, `supabase_unavailable` or `sign_in_refused`; again is fine. An access token
        is good until it expires.
        """
        owner = person.id or ""
        with self._db.session() as session:
            forget(session, owner)
        if self._service_key is None:
            return False
        with self._client(self._service_key) as client, _unless_gone():
            client.auth.admin.delete_user(owner)
        return True

    def _fresh(self, given: Credentials) -> str:
        """An access token that is still good, as only that one can sign out; raises Problem (401) for none."""
        token = given.bearer or given.cookie.get(_ACCESS, "")
        if token and _seconds_left(token) > 0:
            return token
        refresh_token = given.cookie.get(_REFRESH, "") if not given.bearer else given.bearer
        return self.refresh(refresh_token, given.address).access_token

    def _signed_in(self, answer: "AuthResponse", address: str) -> SignedIn:
        session = answer.session
        if session is None:
            raise sign_in_over()
        cookie = {_ACCESS: session.access_token, _REFRESH: session.refresh_token}
        person = replace(self.tokens.caller(session.access_token), address=address)
        return SignedIn(person, session.access_token, session.refresh_token, session.expires_in, cookie)

    @cached_property
    def _http(self) -> "HttpClient":
        return http_client()

    @contextmanager
    def _client(self, key: str | None = None) -> "Iterator[Client]":
        """One for each call: signing in makes it that person's. Errors of the package become Problem."""
        from supabase_auth.errors import AuthError

        try:
            yield connect(self._url, key or self._key, self._http)
        except AuthError as error:
            raise refusal(error) from error
        except ValueError as error:  # an answer that is none
            raise refusal(None) from error

    def _record(self, person: Caller, action: audit.Action, **details: str) -> None:
        with self._db.session() as session:
            audit.record(session, person, action, None, **details)


@contextmanager
def _unless_gone() -> Iterator[None]:
    from supabase_auth.errors import AuthApiError

    try:
        yield
    except AuthApiError as error:
        if error.code != "user_not_found":
            raise


def _seconds_left(token: str) -> float:
    """Until it says that it expires, which whoever trusts it has checked or will check."""
    try:
        return float(jwt.decode(token, options={"verify_signature": False})["exp"]) - time.time()
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
        return 0.0
