"""The browser flow: server-rendered pages over the same workflow as the API; everything works without scripts."""

from typing import Any

from flask import Blueprint, Flask

import webapp
from webapp.api.context import PAGES, services
from webapp.pages import datasets, deleting, estimates, fixes, notebooks, reference, runs, start
from webapp.pages.wording import FILTERS


def install(app: Flask) -> None:
    """Adds the pages to the application."""
    bp = Blueprint(PAGES, __name__)
    for module in (start, datasets, deleting, fixes, notebooks, runs, estimates, reference):
        module.add_to(bp)
    app.register_blueprint(bp)
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_common)


def _common() -> dict[str, Any]:
    """What every template may use."""
    return {"version": webapp.__version__, "max_upload_bytes": services().settings.max_upload_bytes}
