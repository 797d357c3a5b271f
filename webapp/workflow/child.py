"""`python -m webapp.workflow.child JOB ATTEMPT`: runs one claimed job; started by the supervisor."""

import sys

from webapp.jobs import run_child
from webapp.logs import configure_logs
from webapp.settings import Settings
from webapp.workflow.kinds import job_kinds
from webapp.workflow.services import open_services


def main() -> None:
    """Runs the job that the arguments name."""
    configure_logs()
    job_id, attempt = sys.argv[1:]
    services = open_services(Settings())
    run_child(services.db, job_id, int(attempt), job_kinds(services))


if __name__ == "__main__":
    main()
