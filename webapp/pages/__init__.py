"""The browser flow: server-rendered pages over the same workflow as the API; everything works without scripts."""

from typing import Any

from flask import Blueprint, Flask

import webapp
from webapp.accounts import NOBODY, Caller
from webapp.api.context import PAGES, caller, services
from webapp.errors import Problem
from webapp.pages import (
    datasets,
    deleting,
    estimates,
    fixes,
    history,
    models,
    notebooks,
    plan,
    reference,
    results,
    rows,
    runs,
    settings,
    signing_in,
    start,
    steps,
    themes,
    trying,
)
from webapp.pages.wording import FILTERS

_MODULES = (
    start,
    history,
    datasets,
    deleting,
    fixes,
    rows,
    models,
    plan,
    notebooks,
    runs,
    results,
    trying,
    estimates,
    reference,
    signing_in,
    settings,
    themes,
)


def install(app: Flask) -> None:
    """Adds the pages to the application."""
    bp = Blueprint(PAGES, __name__)
    for module in _MODULES:
        module.add_to(bp)
    app.register_blueprint(bp)
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(step_list=steps.step_list)
    app.context_processor(_common)


def _common() -> dict[str, Any]:
    """What every template may use."""
    given = services().settings
    return {
        "version": webapp.__version__,
        "max_upload_bytes": given.max_upload_bytes,
        "max_stored_bytes": given.max_stored_bytes,
        "retention_days": given.retention_days,
        "in_supabase": given.supabase_service_key is not None,
        "asking": _asking(),
        "theme": (theme := themes.theme()),
        "color_scheme": themes.COLOR_SCHEMES[theme],
        "has_accounts": given.auth != "off",
        "may_register": given.auth == "supabase" or given.registration == "open",
    }


def _asking() -> Caller:
    """Who asks, for the head of the page; that a page tells of a problem must not fail for another one."""
    try:
        return caller()
    except Problem:
        return NOBODY
