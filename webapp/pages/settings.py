"""One's own page: profile, usage and limits, the theme, API keys, and what was written down."""

import re

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import ValidationError
from werkzeug.datastructures import MultiDict

from webapp import workflow
from webapp.accounts import PERMISSIONS, Permission
from webapp.accounts.keys import NewKey
from webapp.api.account_bodies import KeyRequest
from webapp.api.context import caller, services
from webapp.api.errors import validation_problem
from webapp.errors import Problem
from webapp.pages.themes import THEMES

_EVENTS = 25
_PERMISSIONS: dict[Permission, str] = {
    "read": "read: see data, reports and runs",
    "write": "write: upload, mend, make notebooks, try them",
    "delete": "delete: take data, runs and links away",
    "train": "train: start runs with the real model",
    "admin": "admin: make and revoke keys",
}
_EXPIRIES = {"30": "30 days", "90": "90 days", "365": "a year", "": "never"}
_NEW_KEY = MultiDict({"permissions": "read", "expires_days": "90"})


def add_to(bp: Blueprint) -> None:
    """Registers these pages."""
    bp.get("/settings", endpoint="settings")(show)
    bp.post("/settings/keys", endpoint="make_key")(make_key)
    bp.post("/settings/keys/<key_id>/revoke", endpoint="revoke_key")(revoke_key)


def show() -> ResponseReturnValue:
    """The page; `before` leads to older events."""
    return _page()


def make_key() -> ResponseReturnValue:
    """Makes an API key and shows it, in this answer and nowhere else."""
    try:
        wanted = read_key(request.form)
        made = workflow.make_key(services(), caller(), wanted.name, wanted.permissions, wanted.expires_days)
    except Problem as problem:
        return make_response(_page(problem=problem), problem.status)
    return _page(made=made)


def revoke_key(key_id: str) -> ResponseReturnValue:
    """Ends an API key."""
    workflow.revoke_key(services(), caller(), key_id)
    return redirect(url_for("pages.settings", _anchor="keys"), 303)


def read_key(form: MultiDict[str, str]) -> KeyRequest:
    """The key that the form asks for; raises Problem `invalid_request` with the field named."""
    name, may, days = form.get("name", "").strip(), form.getlist("permissions"), form.get("expires_days", "")
    if not name:
        raise Problem("invalid_request", "Say what the key is for, to tell it from others later.", param="name")
    if not may:
        raise Problem("invalid_request", "Tick at least one thing that the key may do.", param="permissions")
    try:
        return KeyRequest.model_validate(
            {"name": name, "permissions": may, "expires_days": int(days) if days.isdecimal() else None}
        )
    except ValidationError as error:
        raise validation_problem(error) from error


def _event(text: str) -> int | None:
    """The number of an event, where it is one."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def _page(made: NewKey | None = None, problem: Problem | None = None) -> str:
    """The page; with a problem, its form for a new key keeps what was typed."""
    before = _event(request.args.get("before", ""))
    has_accounts = services().settings.auth != "off"
    return render_template(
        "settings.html",
        profile=workflow.profile(services(), caller()),
        limits=workflow.limits(services(), caller()),
        themes=THEMES,
        has_accounts=has_accounts,
        keys=workflow.api_keys(services(), caller()) if has_accounts else [],
        audit=workflow.audit_page(services(), caller(), _EVENTS, before),
        before=before,
        permissions={name: _PERMISSIONS[name] for name in PERMISSIONS},
        expiries=_EXPIRIES,
        made=made,
        new_key=request.form if problem else _NEW_KEY,
        problem=problem,
    )
