"""What every request handler asks for: the services, who is asking, and whether a page is wanted."""

from dataclasses import replace

import structlog
from flask import current_app, g, request, session

from webapp.accounts import Caller, Credentials
from webapp.errors import Problem
from webapp.workflow import Services

EXTENSION = "tunebook"
ACCOUNT = "account"  # in the session: what the Accounts have a page keep
PAGES = "pages"  # the blueprint of everything that only browsers use


def services() -> Services:
    """The services of the running application."""
    found: Services = current_app.extensions[EXTENSION]
    return found


def caller() -> Caller:
    """Who is asking; raises Problem (401) when what they show is not valid."""
    if "caller" not in g:
        g.caller = _identified()
    found: Caller | Problem = g.caller
    if isinstance(found, Problem):
        raise found
    return found


def _identified() -> Caller | Problem:
    """Asked once a request, also when what is shown is not valid."""
    try:
        _renew_cookie()
        found = _who(credentials())
    except Problem as problem:
        return problem
    if found.id is not None:
        structlog.contextvars.bind_contextvars(caller=found.id)
    return found


def credentials() -> Credentials:
    """What the request shows of who asks."""
    return Credentials(
        bearer=bearer(),
        api_key=request.headers.get("X-API-Key", ""),
        cookie=session.get(ACCOUNT, {}),
        address=request.remote_addr or "",
    )


def _renew_cookie() -> None:
    """Some sign-ins have to be prolonged now and then: before they are judged, as they may have just run out."""
    kept = session.get(ACCOUNT)
    if not kept or services().settings.auth == "off":
        return
    renewed = services().accounts.renewed(kept)
    if renewed is not None:
        session[ACCOUNT] = dict(renewed)


def _who(given: Credentials) -> Caller:
    try:
        return services().authentication.caller(given)
    except Problem as problem:
        if problem.status != 401 or given.bearer or given.api_key:
            raise
    # A cookie is shown by the browser, not by the person: one that no longer holds is as good as none.
    session.pop(ACCOUNT, None)
    return services().authentication.caller(replace(given, cookie={}))


def bearer() -> str:
    """The token of `Authorization: Bearer ...`; empty when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def wants_page() -> bool:
    """Whether the answer is to be a page: this address has only pages, or the client prefers HTML over JSON."""
    return (
        request.blueprint == PAGES
        or request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
    )
