"""Accounts over HTTP: register, sign in and out, new tokens, API keys, and what is known of whoever asks."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from flask import jsonify, request
from pydantic import ValidationError

from webapp import workflow
from webapp.accounts import SignedIn
from webapp.api.account_bodies import (
    AuditBody,
    AuditQuery,
    DeleteAccountRequest,
    DeletedAccountBody,
    KeyBody,
    KeyRequest,
    KeysBody,
    LoginRequest,
    NewKeyBody,
    ProfileBody,
    RefreshRequest,
    RegisterRequest,
    SignedInBody,
)
from webapp.api.context import bearer, caller, credentials, services
from webapp.api.deleted_bodies import AT_WORK
from webapp.api.errors import validation_problem
from webapp.api.openapi import confirmation, errors, pending_headers
from webapp.api.security import REFRESH_TOKEN
from webapp.api.sessions import forget
from webapp.errors import Problem
from webapp.storage.people import ApiKey

CONFIRM = "Confirm your email address by the link that was sent to it, then sign in."
_GONE = "Your account and everything in it is deleted."
_REMAINS = (
    "Everything of yours here is deleted. Your sign-in itself remains with the Supabase project: "
    "ask whoever runs it to delete that."
)

bp = APIBlueprint("auth", __name__, tag="Accounts")

_NO_ACCOUNTS = {404: "There are no accounts here."}
_TOO_MANY = {429: "Tried too often; `Retry-After` says when to come back."}


def _route(method: str, path: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The route at its own address, and at that of the SloughGPT reference."""

    def register(view: Callable[..., Any]) -> Callable[..., Any]:
        for prefix in ("/v1", ""):
            bp.add_url_rule(f"{prefix}/auth{path}", view_func=view, methods=[method])
        return view

    return register


@_route("POST", "/register")
@bp.input(RegisterRequest, example={"email": "ada@example.org", "password": "correct horse battery", "name": "Ada"})
@bp.output(SignedInBody, 201, description="The account is there, and signed in.")
@bp.doc(
    operation_id="register",
    responses=confirmation()
    | errors(
        _NO_ACCOUNTS
        | _TOO_MANY
        | {403: "Accounts are made by whoever runs the app.", 409: "The email address has an account."}
    ),
)
def register(json_data: RegisterRequest) -> Any:
    """Make an account"""
    made = services().accounts.register(json_data.email, json_data.password, json_data.name, _address())
    return (_tokens(made), 201) if made else (jsonify({"message": CONFIRM}), 202)


@_route("POST", "/login")
@bp.input(LoginRequest, example={"email": "ada@example.org", "password": "correct horse battery"})
@bp.output(SignedInBody, description="Signed in, for 30 days at most.")
@bp.doc(
    operation_id="login",
    responses=errors(_NO_ACCOUNTS | _TOO_MANY | {401: "No account has this email address and this password."}),
)
def login(json_data: LoginRequest) -> dict[str, Any]:
    """Sign in

    With the access token requests are made, with the refresh token it is replaced when it expires.
    """
    return _tokens(services().accounts.sign_in(json_data.email, json_data.password, _address()))


@_route("POST", "/refresh")
@bp.output(SignedInBody, description="New tokens; the refresh token that was sent is used up.")
@bp.doc(
    operation_id="refresh",
    security=REFRESH_TOKEN,
    responses=errors(_NO_ACCOUNTS | {401: "The refresh token is not valid, or was used before."}),
)
def refresh() -> dict[str, Any]:
    """Get new tokens

    For the refresh token, sent as the bearer token or as `refresh_token` in a JSON body. It works once: when it comes a
    second time, somebody else has it, and the whole sign-in ends.
    """
    accounts = services().accounts
    return _tokens(accounts.refresh(bearer() or _refresh_token(), _address()))


@_route("POST", "/logout")
@bp.output({}, 204, description="The sign-in has ended, with all its tokens.")
@bp.doc(operation_id="logout", responses=errors(_NO_ACCOUNTS))
def logout() -> Any:
    """Sign out

    Ends the sign-in that the bearer token (access or refresh token) or the page's cookie belongs to, at once.
    """
    services().accounts.sign_out(credentials())
    forget()
    return {}


@_route("POST", "/api-keys")
@bp.input(KeyRequest, example={"name": "CI", "permissions": ["read", "write"], "expires_days": 365})
@bp.output(NewKeyBody, 201, description="The key; it is told this once.")
@bp.doc(operation_id="make_key", responses=errors(_NO_ACCOUNTS | {409: "There are too many keys."}))
def make_key(json_data: KeyRequest) -> Any:
    """Make an API key

    It may do what its permissions name, and never more than whoever makes it. Send it as `X-API-Key` or as the bearer
    token.
    """
    made = workflow.make_key(services(), caller(), json_data.name, json_data.permissions, json_data.expires_days)
    return _key(made.row) | {"api_key": made.text}, 201


@_route("GET", "/api-keys")
@bp.output(KeysBody, description="The keys, newest first.")
@bp.doc(operation_id="api_keys", responses=errors(_NO_ACCOUNTS))
def api_keys() -> dict[str, Any]:
    """List the API keys"""
    return {"api_keys": [_key(row) for row in workflow.api_keys(services(), caller())]}


@_route("DELETE", "/api-keys/<key_id>")
@bp.output({}, 204, description="It no longer works.")
@bp.doc(operation_id="revoke_key", responses=errors({404: "There is no such key, or there are no accounts here."}))
def revoke_key(key_id: str) -> Any:
    """Revoke an API key"""
    workflow.revoke_key(services(), caller(), key_id)
    return {}


@bp.get("/v1/user/profile")
@bp.output(ProfileBody, description="The profile.")
@bp.doc(operation_id="profile")
def profile() -> dict[str, Any]:
    """Who you are

    And what you have here.
    """
    return asdict(workflow.profile(services(), caller()))


@bp.delete("/v1/user/profile")
@bp.input(DeleteAccountRequest, example={"password": "correct horse battery"})
@bp.output(DeletedAccountBody, description="All of it is gone.")
@bp.doc(
    operation_id="delete_account",
    responses=pending_headers(
        errors(
            _NO_ACCOUNTS
            | _TOO_MANY
            | {
                401: "This is not the password of the account, or a sign-in is asked for.",
                403: "It is not confirmed, an API key asks, or the request comes from another website.",
                409: AT_WORK,
            }
        ),
        409,
    ),
)
def delete_account(json_data: DeleteAccountRequest) -> dict[str, Any]:
    """Delete your account

    And everything in it, for good: datasets, notebooks, runs, links, uploads, keys, sign-ins, and what was written
    down. Jobs are called off first. Should it be interrupted, ask again: it goes on where it stopped.
    """
    confirmed_by = services().accounts.confirmed_by
    given: str | None = getattr(json_data, confirmed_by)
    if given is None:
        raise Problem("not_confirmed", f"Confirm it by your {confirmed_by}.", status=403, param=confirmed_by)
    left = workflow.delete_account(services(), caller(), given)
    forget()
    return {
        "deleted": vars(left.deleted.data) | vars(left.deleted.traces),
        "sign_in_remains": left.sign_in_remains,
        "message": farewell(left),
    }


@bp.get("/v1/user/audit")
@bp.input(AuditQuery, location="query")
@bp.output(AuditBody, description="Newest first.")
@bp.doc(operation_id="audit", responses=errors({400: "A parameter is not valid."}))
def audit(query_data: AuditQuery) -> dict[str, Any]:
    """What was written down

    Sign-ins, changes of keys, deletions and downloads of data.
    """
    page = workflow.audit_page(services(), caller(), query_data.limit, query_data.before)
    fields = ("id", "at", "action", "subject", "details", "address")
    return {"events": [{name: getattr(event, name) for name in fields} for event in page.events], "next": page.next}


def farewell(left: workflow.Departure) -> str:
    """What is told to a person whose account is gone."""
    return _REMAINS if left.sign_in_remains else _GONE


def _tokens(made: SignedIn) -> dict[str, Any]:
    return {
        "access_token": made.access_token,
        "token_type": "bearer",
        "expires_in": made.expires_in,
        "refresh_token": made.refresh_token,
        "user": {"id": made.caller.id, "email": made.caller.email, "name": made.caller.name},
    }


def _key(row: ApiKey) -> dict[str, Any]:
    return {name: getattr(row, name) for name in KeyBody.model_fields}


def _refresh_token() -> str:
    if not request.get_data(cache=True):
        raise Problem("invalid_refresh_token", "Send the refresh token as the bearer token.", status=401)
    try:
        return RefreshRequest.model_validate(request.get_json(force=True)).refresh_token
    except ValidationError as error:
        raise validation_problem(error) from error


def _address() -> str:
    return credentials().address
