"""A job that a page waits for is called off."""

from webapp import workflow
from webapp.api.context import caller, services
from webapp.errors import Problem


def call_off(job_id: str) -> None:
    """Calls the job off; one that has ended meanwhile stays as it is."""
    try:
        workflow.cancel_job(services(), caller(), job_id)
    except Problem as problem:
        if problem.code != "job_finished":
            raise
