"""Long work: a queue in the database, a supervisor that runs each job in a process of its own, executors."""

from webapp.jobs.child import JobContext, run_child
from webapp.jobs.environment import scrubbed_environment
from webapp.jobs.events import read_events
from webapp.jobs.executors import Event, Execution, execute
from webapp.jobs.queue import claim, enqueue, get_job, request_cancel
from webapp.jobs.supervisor import Supervisor

__all__ = [
    "Event",
    "Execution",
    "JobContext",
    "Supervisor",
    "claim",
    "enqueue",
    "execute",
    "get_job",
    "read_events",
    "request_cancel",
    "run_child",
    "scrubbed_environment",
]
