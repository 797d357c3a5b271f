"""What every request handler asks for: the services, who is asking, and whether a page is wanted."""

import structlog
from flask import current_app, g, request

from webapp.accounts import Caller, Credentials
from webapp.errors import Problem
from webapp.workflow import Services

EXTENSION = "tunebook"
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
        found = services().authentication.caller(_credentials())
    except Problem as problem:
        return problem
    if found.id is not None:
        structlog.contextvars.bind_contextvars(caller=found.id)
    return found


def _credentials() -> Credentials:
    return Credentials(
        bearer=bearer(),
        api_key=request.headers.get("X-API-Key", ""),
        address=request.remote_addr or "",
    )


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
