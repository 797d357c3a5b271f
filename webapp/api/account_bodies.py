"""What requests and answers about accounts carry."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from webapp.accounts import Permission, Tier
from webapp.accounts.directory import EMAIL_PATTERN, MAX_EMAIL
from webapp.accounts.passwords import MIN_CHARACTERS
from webapp.api.bodies import Body
from webapp.api.deleted_bodies import DeletedRowsBody
from webapp.api.schemas import Request
from webapp.notebooks.spec import Whole

MAX_PASSWORD = 1024


class RegisterRequest(Request):
    """A new account."""

    email: Annotated[str, Field(pattern=EMAIL_PATTERN, max_length=MAX_EMAIL)]
    password: Annotated[str, Field(min_length=MIN_CHARACTERS, max_length=MAX_PASSWORD)]
    name: Annotated[str, Field(max_length=200, description="As people read it.")] = ""


class LoginRequest(Request):
    """An account and its password."""

    email: Annotated[str, Field(max_length=MAX_EMAIL)]
    password: Annotated[str, Field(max_length=MAX_PASSWORD)]


class RefreshRequest(Request):
    """The refresh token, where it is not the bearer token."""

    refresh_token: Annotated[str, Field(max_length=4096)]


class DeleteAccountRequest(Request):
    """Who deletes their account confirms it: one of the two."""

    password: Annotated[
        str | None,
        Field(max_length=MAX_PASSWORD, description="Of an account that is kept here (`TUNEBOOK_AUTH=local`)."),
    ] = None
    email: Annotated[
        str | None,
        Field(max_length=MAX_EMAIL, description="Of an account of a Supabase project; the `id`, where it has none."),
    ] = None


class KeyRequest(Request):
    """A new API key."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    permissions: Annotated[
        list[Permission], Field(min_length=1, max_length=5, description="What it may do in your place.")
    ]
    expires_days: Annotated[int | None, Field(ge=1, le=3650, description="Null: until it is revoked."), Whole] = 365


class AuditQuery(BaseModel):
    """Which part of the list."""

    before: Annotated[int | None, Field(ge=1, le=2**62, description="From `next` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class UserBody(Body):
    id: str
    email: str
    name: str


class SignedInBody(Body):
    access_token: Annotated[str, Field(description="Sent as `Authorization: Bearer ...`.")]
    token_type: Literal["bearer"]
    expires_in: Annotated[int, Field(ge=0, description="Seconds that the access token is good for.")]
    refresh_token: Annotated[str, Field(description="Gives new tokens, once.")]
    user: UserBody


class ConfirmBody(Body):
    message: Annotated[str, Field(description="What to do next: the email address has to be confirmed.")]


class KeyBody(Body):
    id: str
    name: str
    prefix: Annotated[str, Field(description="How it begins.")]
    permissions: list[Permission]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: Annotated[datetime | None, Field(description="To the minute.")]


class NewKeyBody(KeyBody):
    api_key: Annotated[str, Field(description="The key itself, told this once.")]


class KeysBody(Body):
    api_keys: list[KeyBody]


class UsageBody(Body):
    datasets: Annotated[int, Field(ge=0, description="Uploads.")]
    bytes_stored: Annotated[int, Field(ge=0, description="Of these and of all their versions.")]
    jobs_running: Annotated[int, Field(ge=0, description="Those that wait, too.")]


class ProfileBody(Body):
    id: Annotated[str | None, Field(description="Null where nobody signs in.")]
    email: str | None
    name: str
    tier: Tier
    permissions: Annotated[list[Permission], Field(description="Of the sign-in or the key that asks.")]
    created_at: datetime | None
    usage: UsageBody


class DeletedAccountRowsBody(DeletedRowsBody):
    api_keys: int
    sign_ins: Annotated[int, Field(description="Those kept here.")]
    audit_events: int


class DeletedAccountBody(Body):
    deleted: DeletedAccountRowsBody
    sign_in_remains: Annotated[
        bool, Field(description="Whether the sign-in is still with the Supabase project, whose service key is not set.")
    ]
    message: Annotated[str, Field(description="The same for people.")]


class AuditEventBody(Body):
    id: int
    at: datetime
    action: str
    subject: Annotated[str | None, Field(description="The id of what it was done to.")]
    details: dict[str, Any]
    address: Annotated[str, Field(description="Where the request came from.")]


class AuditBody(Body):
    events: Annotated[list[AuditEventBody], Field(description="Newest first.")]
    next: Annotated[int | None, Field(description="The `before` of the next page; null at the end.")]
