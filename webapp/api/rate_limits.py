"""How often each person may ask: requests a minute by tier, counted for all addresses of the app together."""

import math
from time import time
from typing import Any

import structlog
from apiflask import APIFlask
from flask import Response, request
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded

from webapp import workflow
from webapp.accounts import NOBODY
from webapp.api import errors
from webapp.api.connections import client_network
from webapp.api.context import bearer, caller, services
from webapp.errors import Problem
from webapp.settings import Settings
from webapp.storage.digests import sha256_of

# What machines ask again and again, and what costs nothing; `static` is left out by the library itself.
UNLIMITED = {"static", "service.health", "service.ready", "metrics.metrics"}
# Notebooks show no sign-in: each has a token for its own run, and posts every few seconds at most.
PROGRESS = "progress.progress"
_REPORTS_PER_MINUTE = 600
# Here a token is looked at that is no sign-in: what is refused counts with the address.
_OWN_TOKEN = {PROGRESS, "metrics.metrics"}
# Redis is to be no slower than the requests that it counts.
_REDIS_SECONDS = 0.5

log = structlog.get_logger("tunebook.limits")


def install(app: APIFlask, settings: Settings) -> None:
    """Has requests counted before anything is looked up for them; nothing is counted where nobody signs in."""
    if settings.auth == "off":
        return
    limiter = Limiter(
        _who,
        application_limits=[
            ApplicationLimit(_allowed, scope="requests"),
            ApplicationLimit(
                lambda: f"{settings.rate_free} per minute",
                key_function=_address,
                scope="refused",
                exempt_when=lambda: request.endpoint not in _OWN_TOKEN,
                deduct_when=lambda response: response.status_code in (401, 404),
            ),
        ],
        # All that was asked comes back at one moment, which the headers name; a caller costs one number.
        strategy="fixed-window",
        storage_uri=settings.counters,
        storage_options=_options(settings),
        key_prefix="tunebook",
        # An address with nothing at it counts as well.
        request_identifier=lambda: request.endpoint or "nothing",
        # While Redis is away each process counts for itself; whatever goes wrong, requests are answered.
        in_memory_fallback_enabled=True,
        swallow_errors=True,
    )
    limiter.init_app(app)
    app.register_error_handler(RateLimitExceeded, lambda _: errors.answer(_problem(limiter)))
    app.after_request(lambda response: _say(limiter, response))


def _options(settings: Settings) -> dict[str, Any]:
    if settings.redis_url is None:
        return {}
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    seconds = {"socket_connect_timeout": _REDIS_SECONDS, "socket_timeout": _REDIS_SECONDS}
    return {**seconds, "retry": Retry(NoBackoff(), 0)}


def _who() -> str:
    """Whose requests this one is counted with; a credential that is not valid is one of its address's."""
    if request.endpoint == PROGRESS and bearer():
        return "token " + sha256_of(bearer())
    try:
        asking = caller()
    except Problem:
        return _address()
    return f"person {asking.id}" if asking.signed_in else _address()


def _address() -> str:
    return f"address {client_network()}"


def _allowed() -> str:
    """What the caller's tier allows, as the library reads it; nothing where nothing is counted."""
    if request.endpoint in UNLIMITED:
        return ""
    if request.endpoint == PROGRESS and bearer():
        return f"{_REPORTS_PER_MINUTE} per minute"
    try:
        asking = caller()
    except Problem:
        asking = NOBODY
    allowed = workflow.limits(services(), asking).requests_a_minute
    return f"{allowed} per minute" if allowed else ""


def _problem(limiter: Limiter) -> Problem:
    standing = limiter.current_limit
    amount, wait = (standing.limit.amount, _seconds_until(standing.reset_at)) if standing else (0, 60)
    return Problem(
        "rate_limited",
        f"These are more than {amount} requests in a minute. Ask again in {wait} s.",
        status=429,
        details={"retry_after": wait, "limit": amount},
    )


def _say(limiter: Limiter, response: Response) -> Response:
    """Tells the caller how they stand: what is allowed in a minute, what is left, and when all of it is back."""
    standing = limiter.current_limit
    if standing is not None:
        try:
            remaining, reset = standing.remaining, standing.reset_at
        except Exception as error:  # each storage has its own
            log.warning("counters_away", reason=type(error).__name__)
            return response
        response.headers["X-RateLimit-Limit"] = str(standing.limit.amount)
        response.headers["X-RateLimit-Remaining"] = str(remaining)
        response.headers["X-RateLimit-Reset"] = str(reset)
    if response.status_code == 429 and "Retry-After" in response.headers:
        response.headers["X-RateLimit-Retry-After"] = response.headers["Retry-After"]
    return response


def _seconds_until(moment: float) -> int:
    return max(1, math.ceil(moment - time()))
