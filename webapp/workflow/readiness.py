"""Whether this installation can work, and how much it has to do: for load balancers and monitoring."""

import tempfile

from sqlalchemy import select

from webapp.errors import Problem
from webapp.jobs.figures import QueueFigures, queue_figures
from webapp.storage.problems import storage_unavailable
from webapp.storage.tables import Job
from webapp.workflow.services import Services


def check_ready(services: Services) -> None:
    """Raises Problem `storage_unavailable` (503) unless the database has its tables and files can be kept."""
    try:
        with services.db.reading() as session:
            session.execute(select(Job.id).limit(1))
        with tempfile.TemporaryFile(dir=services.settings.root) as file:
            file.write(b"ready")
    except Problem as problem:
        raise problem if problem.status == 503 else storage_unavailable(problem.message.rstrip(".")) from problem
    except OSError as error:
        raise storage_unavailable(f"TUNEBOOK_HOME cannot be written ({error.strerror})") from error


def figures(services: Services) -> QueueFigures:
    """The state of the queue; raises Problem `storage_unavailable`."""
    with services.db.reading() as session:
        return queue_figures(session)
