"""The accounts kept here: made, found, changed and removed."""

import re
from typing import cast

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.accounts.callers import Caller, Tier
from webapp.accounts.labels import label
from webapp.accounts.passwords import check_password, hash_password
from webapp.accounts.traces import forget
from webapp.errors import Problem
from webapp.storage import Database
from webapp.storage.people import Account, ApiKey, SignIn

# What browsers take in a field for email addresses: https://html.spec.whatwg.org/#valid-e-mail-address
EMAIL_PATTERN = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$"  # noqa: E501
MAX_EMAIL = 254


def canonical_email(given: str) -> str:
    """The address as accounts are found by it, in lower case."""
    return given.strip().lower()


def check_new(email: str, password: str) -> None:
    """Raises Problem `invalid_email`, `password_too_short` or `password_too_long`."""
    email = canonical_email(email)
    if len(email) > MAX_EMAIL or not re.fullmatch(EMAIL_PATTERN, email):
        raise Problem("invalid_email", "This is no email address.", param="email")
    check_password(password)


def add_account(db: Database, email: str, password: str, name: str = "", tier: Tier = "free") -> Account:
    """A new account; raises the Problems of `check_new`, or `email_taken` (409)."""
    check_new(email, password)
    account = Account(email=canonical_email(email), name=label(name), tier=tier, password_hash=hash_password(password))
    try:
        with db.session() as session:
            session.add(account)
    except IntegrityError:
        message = "There is an account with this email address: sign in instead."
        raise Problem("email_taken", message, status=409, param="email") from None
    return account


def find_account(session: Session, email: str) -> Account | None:
    """The account of an email address."""
    email = canonical_email(email)
    # Not asked for what no address holds: databases refuse some of it.
    return session.scalar(select(Account).where(Account.email == email)) if email.isprintable() else None


def require_account(session: Session, email: str) -> Account:
    """The same; raises Problem `account_not_found` (404)."""
    found = find_account(session, email)
    if found is None:
        raise Problem("account_not_found", "There is no account with this email address.", status=404, param="email")
    return found


def find_person(db: Database, email: str) -> Caller:
    """The person of an account, asking from nowhere; raises Problem `account_not_found` (404)."""
    with db.reading() as session:
        return caller_of_account(require_account(session, email), "")


def list_accounts(db: Database) -> list[Account]:
    """All accounts, by email."""
    with db.reading() as session:
        return list(session.scalars(select(Account).order_by(Account.email)))


def set_tier(db: Database, email: str, tier: Tier) -> None:
    """Gives an account, and its keys, a tier; raises Problem `account_not_found`."""
    with db.session() as session:
        account = require_account(session, email)
        account.tier = tier
        session.execute(update(ApiKey).where(ApiKey.owner == account.id).values(tier=tier))


def set_password(db: Database, email: str, password: str) -> None:
    """Gives an account a new password and ends its sign-ins; its keys stay.

    Raises Problem `account_not_found`, `password_too_short` or `password_too_long`.
    """
    check_password(password)
    password_hash = hash_password(password)
    with db.session() as session:
        account = require_account(session, email)
        account.password_hash = password_hash
        session.execute(delete(SignIn).where(SignIn.account_id == account.id))


def remove_account(db: Database, email: str) -> None:
    """Removes an account with its sign-ins, its keys and what was written down of it.

    Raises Problem `account_not_found`, or `account_owns_data` (409) while it has datasets.
    """
    with db.session() as session:
        account = require_account(session, email)
        forget(session, account.id)
        session.delete(account)


def caller_of_account(account: Account, address: str) -> Caller:
    """The person of an account, who may do everything with what is theirs."""
    name = account.name or account.email
    return Caller(account.id, tier=cast("Tier", account.tier), name=name, email=account.email, address=address)
