"""What happens around every request: its id, the refusal of strange hosts and of cross-site writes, security headers,
one log line."""

import re
import uuid
from time import perf_counter
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp.api import cors, hosts
from webapp.api.context import EXTENSION, services
from webapp.errors import Problem

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_HTTPS_SECONDS = 365 * 24 * 3600
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

log = structlog.get_logger("tunebook.requests")


def install(app: Flask) -> None:
    """Adds the hooks to the application."""
    proxies = app.extensions[EXTENSION].settings.trusted_proxies
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    app.before_request(_begin)
    app.before_request(hosts.refuse_strange)
    app.before_request(cors.answer_preflight)
    app.before_request(_refuse_cross_site_writes)
    app.after_request(_finish)
    app.after_request(cors.let_listed_read)


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    g.started = perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _refuse_cross_site_writes() -> None:
    """No other site may have a browser change anything here."""
    if request.method not in _SAFE_METHODS:
        refuse_cross_site()


def refuse_cross_site() -> None:
    """Browsers say where a request comes from; raises Problem `cross_site_request` when that is another website.

    The rules are those of Go's net/http.CrossOriginProtection: programs, which send neither header, pass.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site in ("same-origin", "none"):
        return
    if site is None and (origin is None or urlsplit(origin).netloc == request.host):
        return
    if origin is not None and origin == (services().settings.public_url or "").rstrip("/"):
        return
    if cors.may_call():
        return
    raise Problem(
        "cross_site_request",
        "This request comes from another website, which may not do this here.",
        status=403,
    )


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if (services().settings.public_url or "").startswith("https://"):
        response.headers["Strict-Transport-Security"] = f"max-age={_HTTPS_SECONDS}"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    log.info(
        "request",
        method=request.method,
        path=_loggable_path(),
        status=response.status_code,
        milliseconds=round((perf_counter() - g.started) * 1000, 1),
    )
    return response


def _loggable_path() -> str:
    """The path without the token of a signed link, which is as good as a password."""
    token = (request.view_args or {}).get("token")
    return request.path.replace(token, "...") if token else request.path
