"""The way over the page that signs in and back, which never leads to another site."""

from urllib.parse import urlsplit

from flask import Response, current_app, flash, make_response, redirect, request, url_for
from werkzeug.exceptions import HTTPException

UNDONE = "You are signed out, so what you sent was not done. Sign in, and send it again."


def to_sign_in() -> Response:
    """To the page that signs in, and from there to where someone wanted to look, or to the form that they sent."""
    if request.method in ("GET", "HEAD"):
        wanted = request.full_path.rstrip("?")
    else:
        flash(UNDONE)
        wanted = _sent_from()
    return make_response(redirect(url_for("pages.sign_in", next=wanted), 303))


def local_path(given: str) -> str:
    """The address on this site that `given` is, else the start page: a link must not lead elsewhere through us."""
    # Browsers read "//host" and "/\host" as other sites, and leave out tabs and line breaks.
    here = given.startswith("/") and given[1:2] not in ("/", "\\") and given.isprintable()
    return given if here else "/"


def _sent_from() -> str:
    """The page of this site whose form is being sent, else the start page."""
    origin, path = request.host_url.rstrip("/"), request.referrer or ""
    if not path.startswith(f"{origin}/"):
        return "/"
    path = local_path(path.removeprefix(origin))
    try:
        # A page that answered a form cannot be asked for again.
        current_app.url_map.bind(request.host).match(urlsplit(path).path, method="GET")
    except (HTTPException, ValueError):
        return "/"
    return path
