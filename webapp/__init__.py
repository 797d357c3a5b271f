"""Tunebook: a chat dataset in, a fine-tuning notebook that has already been run on your own rows out."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apiflask import APIFlask

    from webapp.settings import Settings

__version__ = "0.1.0"


def create_app(settings: "Settings | None" = None) -> "APIFlask":
    """The web application, over the database and files that `settings` (else the environment) name.

    It finds the database as it is: `tunebook serve` brings the tables up to date before it starts.
    """
    # Imported here, so that scripts can use the floors below without Flask.
    from apiflask import APIFlask

    from webapp import api, pages, workflow
    from webapp.api import access
    from webapp.logs import configure_logs
    from webapp.resources import resource
    from webapp.settings import Settings

    configure_logs()
    app = APIFlask(
        __name__,
        title="Tunebook",
        version=__version__,
        docs_path=None,
        json_errors=False,
        static_folder=str(resource("static")),
        template_folder="pages/templates",
    )
    app.extensions[api.EXTENSION] = workflow.open_services(settings or Settings())
    api.install(app)
    pages.install(app)
    access.require_rules(app)
    return app
