"""The API for scripts of other websites: of those that TUNEBOOK_CORS_ORIGINS lists, and never with cookies."""

from flask import Response, request

from webapp.api.context import PAGES, services

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_HEADERS = "Authorization, X-API-Key, Content-Type, Last-Event-ID, X-Request-Id"
_EXPOSED = (
    "X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-RateLimit-Retry-After, Retry-After, "
    "X-Should-Retry, Link, Location, Content-Disposition"
)
_PREFLIGHT_SECONDS = "600"


def may_call() -> bool:
    """Whether a listed website asks with credentials that a browser does not add by itself."""
    if not _is_listed() or request.cookies:
        return False
    # A ticket is what a WebSocket has in place of the headers.
    return any(name in request.headers for name in ("Authorization", "X-API-Key")) or "ticket" in request.args


def answer_preflight() -> Response | None:
    """Answers a browser that asks for a listed website what it may send; before anyone is asked who they are."""
    if _is_preflight() and _is_listed() and _is_api():
        return Response(status=204)
    return None


def let_listed_read(response: Response) -> Response:
    """Adds the headers that have a browser hand the answer to a script of a listed website."""
    if not services().settings.origins or not _is_api():
        return response
    response.vary.add("Origin")
    # What Colab's page may read already says so.
    if _is_listed() and "Access-Control-Allow-Origin" not in response.headers:
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        if _is_preflight():
            response.headers["Access-Control-Allow-Methods"] = _METHODS
            response.headers["Access-Control-Allow-Headers"] = _HEADERS
            response.headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
    return response


def _is_preflight() -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def _is_listed() -> bool:
    return request.headers.get("Origin", "").lower() in services().settings.origins


def _is_api() -> bool:
    return request.blueprint != PAGES and request.endpoint != "static"
