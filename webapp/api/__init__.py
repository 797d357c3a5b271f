"""HTTP: one module per resource, each a few lines over `webapp.workflow`."""

from apiflask import APIFlask

from webapp.api import (
    access,
    auth,
    datasets,
    errors,
    fixes,
    job_files,
    jobs,
    metrics,
    models,
    notebooks,
    openapi,
    part_uploads,
    progress,
    rate_limits,
    recommendations,
    request_cycle,
    rows,
    service,
    sessions,
    streams,
    trying,
    uploads,
)
from webapp.api.context import EXTENSION

__all__ = ["EXTENSION", "install"]

BLUEPRINTS = (
    service.bp,
    metrics.bp,
    auth.bp,
    uploads.bp,
    part_uploads.bp,
    datasets.bp,
    fixes.bp,
    models.bp,
    recommendations.bp,
    notebooks.bp,
    rows.bp,
    jobs.bp,
    job_files.bp,
    progress.bp,
    streams.bp,
    trying.bp,
)
# Of bodies other than uploads, which have a limit of their own.
MAX_BODY_BYTES = 1024 * 1024


def install(app: APIFlask) -> None:
    """Adds the API to the application, with what holds for every request and every error."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    errors.install(app)
    request_cycle.install(app)
    sessions.install(app)
    rate_limits.install(app, app.extensions[EXTENSION].settings)
    access.install(app)
    metrics.install(app)
    openapi.install(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
