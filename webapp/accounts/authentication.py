"""Who is asking: what a request shows, and the one object that turns it into a Caller."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from webapp.accounts.callers import LOCAL, Caller

# By what people confirm that their account is to go.
Confirmation = Literal["password", "email"]


@dataclass(frozen=True)
class Credentials:
    """What a request shows: `bearer`, the token of `Authorization`, or an API key; `cookie`, what a page has kept.

    Empty where it shows nothing. `address` is where it comes from.
    """

    bearer: str = ""
    api_key: str = ""
    cookie: Mapping[str, str] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True)
class SignedIn:
    """Someone who has just signed in: tokens for programs, `cookie` for the pages. `expires_in` is in seconds."""

    caller: Caller
    access_token: str
    refresh_token: str
    expires_in: int
    cookie: Mapping[str, str]


class Authentication(Protocol):
    """One for each value of TUNEBOOK_AUTH."""

    def caller(self, given: Credentials) -> Caller:
        """Who shows this; raises Problem (401) for what is shown and not valid."""


class Accounts(Authentication, Protocol):
    """An Authentication that people sign in with, by email and password."""

    confirmed_by: ClassVar[Confirmation]

    def register(self, email: str, password: str, name: str, address: str) -> SignedIn | None:
        """A new account, signed in; None when its email address has to be confirmed first."""

    def sign_in(self, email: str, password: str, address: str) -> SignedIn:
        """Raises Problem `wrong_credentials` (401) or `too_many_attempts` (429), for unknown accounts too."""

    def refresh(self, refresh_token: str, address: str) -> SignedIn:
        """New tokens for a refresh token, which then is used up; raises Problem (401)."""

    def sign_out(self, given: Credentials) -> None:
        """Ends the sign-in that these belong to; fine when there is none."""

    def renewed(self, cookie: Mapping[str, str]) -> Mapping[str, str] | None:
        """What a page's cookie is to hold from now on, None while it can stay as it is."""

    def confirm(self, person: Caller, given: str) -> None:
        """Raises Problem unless `given` is what they confirm by."""

    def remove(self, person: Caller) -> bool:
        """Deletes the account, and what is kept of its person beside their data; whether their sign-in went with it.

        Raises Problem `account_owns_data` (409) while they have datasets.
        """


class Off:
    """There is one person, who is on this machine, and nothing is asked."""

    def caller(self, given: Credentials) -> Caller:  # noqa: ARG002
        """The local person."""
        return LOCAL
