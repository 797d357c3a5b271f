"""What the OpenAPI document says of who may call which route."""

import re
from typing import Any

from flask import Flask

from webapp.api.access import ACCESS

PROGRESS_TOKEN = "progress_token"  # noqa: S105 (its name)
REFRESH_TOKEN = "refresh_token"  # noqa: S105 (its name)
_BEARER, _API_KEY = "bearer", "api_key"

SCHEMES: dict[str, Any] = {
    _BEARER: {"type": "http", "scheme": "bearer", "description": "An access token, or an API key."},
    _API_KEY: {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    REFRESH_TOKEN: {"type": "http", "scheme": "bearer", "description": "A refresh token."},
    PROGRESS_TOKEN: {"type": "http", "scheme": "bearer", "description": "Of one run that reports its progress."},
}
# Visitors may try everything but these, where they are let in.
_FOR_PEOPLE = ("train", "admin", "person")


def guarded(app: Flask, auth: str) -> dict[tuple[str, str], list[dict[str, list[str]]]]:
    """What each (path, method) that not everyone may call asks for under this TUNEBOOK_AUTH: any one of the list."""
    asked = {}
    for (path, method), endpoint in endpoints(app).items():
        needed = ACCESS[endpoint]
        if needed != "everyone":
            free = auth == "off" or (auth == "supabase" and needed not in _FOR_PEOPLE)
            schemes = (_BEARER,) if needed == "person" else (_BEARER, _API_KEY)
            shown: list[dict[str, list[str]]] = [{name: []} for name in schemes]
            asked[path, method] = [*shown, {}] if free else shown
    return asked


def endpoints(app: Flask) -> dict[tuple[str, str], str]:
    """The endpoint behind each path, as the document writes it, and method."""
    return {
        (re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule), method.lower()): rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
