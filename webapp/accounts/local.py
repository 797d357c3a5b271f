"""Accounts kept in this installation's own database: TUNEBOOK_AUTH=local."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from webapp.accounts import audit, directory, keys
from webapp.accounts.authentication import Confirmation, Credentials, SignedIn
from webapp.accounts.callers import NOBODY, Caller
from webapp.accounts.passwords import hash_password, is_outdated, is_password
from webapp.accounts.throttle import Throttle
from webapp.accounts.tokens import ACCESS_SECONDS, AccessTokens
from webapp.errors import Problem
from webapp.storage import Database
from webapp.storage.digests import sha256_of
from webapp.storage.people import Account, AuditEvent, RefreshToken, SignIn
from webapp.storage.tables import utc_now

_SIGNED_IN_FOR = timedelta(days=30)
# What a page keeps: the id of its sign-in, in a cookie that the installation signs.
_COOKIE = "sign_in"
_WRONG = "No account has this email address and this password."


@dataclass(frozen=True)
class LocalAccounts:
    """An `Accounts`; every credential is looked up, so that signing out and removing an account hold at once."""

    confirmed_by: ClassVar[Confirmation] = "password"

    db: Database
    tokens: AccessTokens
    throttle: Throttle
    open_to_all: bool

    def caller(self, given: Credentials) -> Caller:
        """Raises Problem (401) `invalid_key`, `key_expired`, `invalid_token` or `token_expired`."""
        if key := keys.shown_key(given):
            return keys.caller_of_key(self.db, key, given.address)
        if given.bearer:
            token = self.tokens.read(given.bearer)
            return self._caller_of(token.sign_in_id, given.address, token.account_id)
        if given.cookie:
            return self._caller_of(given.cookie.get(_COOKIE, ""), given.address)
        return NOBODY

    def register(self, email: str, password: str, name: str, address: str) -> SignedIn:
        """Raises Problem `registration_closed` (403), `too_many_attempts` (429) or those of `add_account`."""
        if not self.open_to_all:
            raise Problem(
                "registration_closed",
                "Accounts are made by whoever runs this app: ask them for one.",
                status=403,
            )
        directory.check_new(email, password)  # what was mistyped counts for nothing
        self.throttle.registration(address)
        account = directory.add_account(self.db, email, password, name)
        with self.db.session() as session:
            audit.record(session, directory.caller_of_account(account, address), "signed_up")
            return self._begin(session, account, address)

    def sign_in(self, email: str, password: str, address: str) -> SignedIn:
        """Raises Problem `wrong_credentials` (401) or `too_many_attempts` (429), for unknown accounts too."""
        account = self._checked(email, password, address, _WRONG)
        renewed = hash_password(password) if is_outdated(account.password_hash) else account.password_hash
        with self.db.session() as session:
            # Only while the password is still the one that was checked.
            same = (Account.id == account.id) & (Account.password_hash == account.password_hash)
            if not session.scalar(update(Account).where(same).values(password_hash=renewed).returning(Account.id)):
                raise Problem("wrong_credentials", _WRONG, status=401)
            session.execute(delete(SignIn).where(SignIn.expires_at <= utc_now()))
            audit.record(session, directory.caller_of_account(account, address), "signed_in")
            return self._begin(session, account, address)

    def refresh(self, refresh_token: str, address: str) -> SignedIn:
        """New tokens; a token that was used before ends the whole sign-in, as one of the two who have it stole it.

        Raises Problem `invalid_refresh_token` or `refresh_token_reused` (401).
        """
        digest = sha256_of(refresh_token)
        given = RefreshToken.token_sha256 == digest
        with self.db.session() as session:
            # Held before the token is looked at: of two who come at once, the second sees that it is used.
            sign_in = session.scalar(
                select(SignIn).join(RefreshToken).where(given, SignIn.expires_at > utc_now()).with_for_update(of=SignIn)
            )
            if sign_in is None:
                raise Problem("invalid_refresh_token", "This refresh token is not valid: sign in again.", status=401)
            account = session.get_one(Account, sign_in.account_id)
            token = session.get_one(RefreshToken, digest)
            if token.used_at is None:
                token.used_at = utc_now()
                return self._tokens(session, account, sign_in.id, address)
            session.execute(delete(SignIn).where(SignIn.id == sign_in.id))
            audit.record(session, directory.caller_of_account(account, address), "token_reused")
        raise Problem(
            "refresh_token_reused",
            "This refresh token was used before, so someone else may have it: the sign-in has ended. Sign in again.",
            status=401,
        )

    def sign_out(self, given: Credentials) -> None:
        """Ends the sign-in that an access token (an expired one too), a refresh token or a cookie belongs to."""
        with self.db.session() as session:
            ended = delete(SignIn).where(SignIn.id == self._sign_in_id(session, given)).returning(SignIn.account_id)
            account_id = session.scalar(ended)
            if account_id is not None:
                audit.record(session, Caller(account_id, address=given.address), "signed_out")

    def renewed(self, cookie: object) -> None:  # noqa: ARG002
        """Never: it names a sign-in, which lasts."""
        return

    def confirm(self, person: Caller, given: str) -> None:
        """Raises as `sign_in` unless this is the person's password: whoever found them signed in may not guess it."""
        self._checked(person.email, given, person.address, "This is not the password of your account.")

    def remove(self, person: Caller) -> bool:
        """True: an account of here has its sign-ins here; raises Problem `account_not_found`, `account_owns_data`."""
        directory.remove_account(self.db, person.email)
        return True

    def _checked(self, email: str, password: str, address: str, refusal: str) -> Account:
        """The account that these belong to; raises Problem `wrong_credentials` in the words of `refusal`."""
        email = directory.canonical_email(email)
        self.throttle.attempt(email, address)
        with self.db.reading() as session:
            account = directory.find_account(session, email)
        if not is_password(password, account.password_hash if account else None) or account is None:
            self._failed(account, address)
            raise Problem("wrong_credentials", refusal, status=401)
        self.throttle.succeeded(email)
        return account

    def _sign_in_id(self, session: Session, given: Credentials) -> str | None:
        if not given.bearer:
            return given.cookie.get(_COOKIE)
        found = session.scalar(
            select(RefreshToken.sign_in_id).where(RefreshToken.token_sha256 == sha256_of(given.bearer))
        )
        if found is not None:
            return found
        try:
            return self.tokens.read(given.bearer, expired_too=True).sign_in_id
        except Problem:
            return None

    def _caller_of(self, sign_in_id: str, address: str, account_id: str | None = None) -> Caller:
        statement = select(Account).join(SignIn).where(SignIn.id == sign_in_id, SignIn.expires_at > utc_now())
        with self.db.reading() as session:
            account = session.scalar(statement)
        if account is None or account_id not in (None, account.id):
            raise Problem("invalid_token", "This sign-in has ended: sign in again.", status=401)
        return directory.caller_of_account(account, address)

    def _failed(self, account: Account | None, address: str) -> None:
        # Of an unknown account nothing is kept; written and taken back, it takes the time that a known one takes.
        asked = directory.caller_of_account(account, address) if account else Caller(None, address=address)
        with self.db.session() as session:
            audit.record(session, asked, "sign_in_failed")
            if account is None:
                session.flush()
                session.execute(
                    delete(AuditEvent).where(AuditEvent.owner.is_(None), AuditEvent.action == "sign_in_failed")
                )

    def _begin(self, session: Session, account: Account, address: str) -> SignedIn:
        sign_in = SignIn(account_id=account.id, expires_at=utc_now() + _SIGNED_IN_FOR)
        session.add(sign_in)
        session.flush()
        return self._tokens(session, account, sign_in.id, address)

    def _tokens(self, session: Session, account: Account, sign_in_id: str, address: str) -> SignedIn:
        refresh_token = secrets.token_urlsafe(32)
        session.add(RefreshToken(token_sha256=sha256_of(refresh_token), sign_in_id=sign_in_id))
        return SignedIn(
            caller=directory.caller_of_account(account, address),
            access_token=self.tokens.issue(account.id, sign_in_id),
            refresh_token=refresh_token,
            expires_in=ACCESS_SECONDS,
            cookie={_COOKIE: sign_in_id},
        )
