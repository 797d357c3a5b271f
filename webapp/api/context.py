"""What every request handler asks for: the services, who is asking, and whether a page is wanted."""

from flask import current_app, request

from webapp.accounts import LOCAL, Caller
from webapp.workflow import Services

EXTENSION = "tunebook"
PAGES = "pages"  # the blueprint of everything that only browsers use


def services() -> Services:
    """The services of the running application."""
    found: Services = current_app.extensions[EXTENSION]
    return found


def caller() -> Caller:
    """Who is asking."""
    return LOCAL


def wants_page() -> bool:
    """Whether the answer is to be a page: this address has only pages, or the client prefers HTML over JSON."""
    return (
        request.blueprint == PAGES
        or request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
    )
