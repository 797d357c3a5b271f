"""Signing in, making an account, and signing out, in the browser."""

from collections.abc import Callable

from flask import Blueprint, Response, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from webapp.accounts import SignedIn
from webapp.accounts.passwords import MIN_CHARACTERS
from webapp.api.auth import CONFIRM
from webapp.api.context import credentials, services
from webapp.api.leading import local_path
from webapp.api.sessions import forget, remember
from webapp.errors import Problem
from webapp.pages.visitors import take_along


def add_to(bp: Blueprint) -> None:
    """Registers these pages."""
    bp.route("/sign-in", methods=["GET", "POST"])(sign_in)
    bp.route("/register", methods=["GET", "POST"])(register)
    bp.post("/sign-out")(sign_out)


def sign_in() -> ResponseReturnValue:
    """Asks for email and password, and leads on to where someone wanted to go."""
    accounts, form = services().accounts, request.form
    return _form("sign_in.html", lambda: accounts.sign_in(form.get("email", ""), form.get("password", ""), _address()))


def register() -> ResponseReturnValue:
    """Makes an account; where its email address has to be confirmed, says so."""
    accounts, form = services().accounts, request.form
    return _form(
        "register.html",
        lambda: accounts.register(form.get("email", ""), form.get("password", ""), form.get("name", ""), _address()),
    )


def sign_out() -> ResponseReturnValue:
    """Ends the sign-in of this browser."""
    services().accounts.sign_out(credentials())
    forget()
    return redirect("/", 303)


def refusal(problem: Problem, page: str) -> Response:
    """The page that tells of a problem, with its status and when to try again."""
    response = make_response(page, problem.status)
    if "retry_after" in problem.details:
        response.headers["Retry-After"] = str(problem.details["retry_after"])
    return response


def _form(template: str, enter: Callable[[], SignedIn | None]) -> ResponseReturnValue:
    """Shows a form, or what its sending leads to."""
    leads_to = local_path(request.values.get("next", "/"))
    typed = {name: request.form.get(name, "") for name in ("email", "name")}
    shown = {"next": leads_to, "min_characters": MIN_CHARACTERS} | typed
    if request.method != "POST":
        return render_template(template, **shown)
    try:
        made = enter()
    except Problem as problem:
        return refusal(problem, render_template(template, problem=problem, **shown))
    if made is None:
        return render_template("sign_in.html", message=CONFIRM, **shown)
    remember(made)
    take_along(made.caller)
    return redirect(leads_to, 303)


def _address() -> str:
    return credentials().address
