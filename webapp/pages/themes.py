"""Light or dark: kept in a cookie of its own, and put into every page on the server, so that nothing flashes."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

# What each is called on the settings page, and as what `<meta name="color-scheme">` announces it.
THEMES = {"system": "as the system has it", "light": "light", "dark": "dark"}
COLOR_SCHEMES = {"system": "light dark", "light": "light", "dark": "dark"}
COOKIE = "tunebook_theme"
_YEAR = 365 * 24 * 3600


def add_to(bp: Blueprint) -> None:
    """Registers this form."""
    bp.post("/settings/theme", endpoint="set_theme")(choose)


def theme() -> str:
    """The theme that this browser asks for."""
    return _known(request.cookies.get(COOKIE, ""))


def choose() -> ResponseReturnValue:
    """Keeps the choice, and leads back to the form."""
    response = redirect(url_for("pages.settings", _anchor="theme"), 303)
    chosen = _known(request.form.get("theme", ""))
    if chosen == "system":
        response.delete_cookie(COOKIE, httponly=True, samesite="Lax")
    else:
        response.set_cookie(COOKIE, chosen, max_age=_YEAR, httponly=True, samesite="Lax", secure=request.is_secure)
    return response


def _known(name: str) -> str:
    return name if name in THEMES else "system"
