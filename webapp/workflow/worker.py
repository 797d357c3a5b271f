"""`python -m webapp.workflow.worker`: the process that runs jobs, each in a child of its own."""

import sys
import threading
from collections.abc import Mapping
from math import inf
from typing import Any

from webapp.catalog import machine
from webapp.jobs import Limits, Machine, Needs, Supervisor, host_name
from webapp.logs import configure_logs
from webapp.notebooks.failures import decode
from webapp.settings import Settings
from webapp.stopping import stop_signals
from webapp.storage.tables import Job, Notebook
from webapp.workflow.job_files import run_key
from webapp.workflow.leftovers import sweep
from webapp.workflow.retention import keep_retention
from webapp.workflow.services import Services, open_services

CHILD = (sys.executable, "-m", "webapp.workflow.child")
GIB = 1024**3
# What each line of jobs is reckoned with; the last two only watch what runs elsewhere.
NEEDS = {
    "analysis": Needs(cores=1, memory=GIB),
    "fix": Needs(cores=1, memory=GIB),
    "export": Needs(cores=1, memory=GIB),
    "dry_run": Needs(cores=1, memory=3 * GIB // 2),
    "run": Needs(cores=1, memory=4 * GIB, gpu=True),
    "chat": Needs(cores=1, memory=4 * GIB, gpu=True),
    "colab": Needs(cores=0, memory=GIB // 4),
    "ray": Needs(cores=0, memory=GIB // 4),
}
_MEMORY_SHARE = 0.9


def run_worker(settings: Settings, stop: threading.Event) -> None:
    """Runs jobs until `stop` is set, then ends those under way and gives them back to the queue."""
    services = open_services(settings)
    supervisor = Supervisor(
        services.db,
        CHILD,
        machine=this_machine(settings),
        limits=limits(services),
        explain=lambda job, error: explained(services, job, error),
    )
    sweepers = [
        threading.Thread(target=sweep, args=(services.db, stop), name="sweeper"),
        threading.Thread(target=keep_retention, args=(services, stop), name="retention"),
    ]
    for sweeper in sweepers:
        sweeper.start()
    try:
        supervisor.run(stop)
    finally:
        stop.set()
        for sweeper in sweepers:
            sweeper.join()


def this_machine(settings: Settings) -> Machine:
    """Room for two jobs at least: something short goes on beside a run that takes hours."""
    return Machine(
        cores=max(2, machine.cores()),
        memory=machine.memory_bytes(),
        gpus={f"{host_name()}:{index}": name for index, name in machine.visible_gpus().items()},
        needs=NEEDS,
        jobs=settings.job_concurrency or inf,
    )


def limits(services: Services) -> Limits:
    """The limits of the settings; the files of a job are those of its run."""
    settings = services.settings
    return Limits(
        memory=settings.job_memory or _MEMORY_SHARE * machine.memory_bytes(),
        disk=settings.job_disk or inf,
        folder=lambda job: services.blobs.place(run_key(job.id)) if job.notebook_id else None,
    )


def explained(services: Services, job: Job, error: Mapping[str, Any]) -> Mapping[str, Any]:
    """The error of a run that was ended, with the `failure` behind it in its details."""
    if job.notebook_id is None:
        return error
    with services.db.reading() as session:
        notebook = session.get(Notebook, job.notebook_id)
    failure = decode(error, notebook.config if notebook else {})
    return {**error, "details": {**error["details"], "failure": failure.to_dict()}}


def main() -> None:
    """Runs jobs until SIGTERM or SIGINT."""
    configure_logs()
    with stop_signals() as stop:
        run_worker(Settings(), stop)


if __name__ == "__main__":
    main()
