"""`python -m webapp.workflow.worker`: the process that runs jobs, each in a child of its own."""

import sys
import threading

from webapp.jobs import Supervisor
from webapp.settings import Settings
from webapp.stopping import stop_signals
from webapp.workflow.leftovers import sweep
from webapp.workflow.services import open_services

CHILD = (sys.executable, "-m", "webapp.workflow.child")


def run_worker(settings: Settings, stop: threading.Event) -> None:
    """Runs jobs until `stop` is set, then ends those under way and gives them back to the queue."""
    services = open_services(settings)
    sweeper = threading.Thread(target=sweep, args=(services.db, stop), name="sweeper")
    sweeper.start()
    try:
        Supervisor(services.db, CHILD, concurrency=settings.job_concurrency).run(stop)
    finally:
        stop.set()
        sweeper.join()


def main() -> None:
    """Runs jobs until SIGTERM or SIGINT."""
    with stop_signals() as stop:
        run_worker(Settings(), stop)


if __name__ == "__main__":
    main()
