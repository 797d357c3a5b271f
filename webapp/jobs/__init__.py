"""Long work: a queue in the database, a supervisor that runs each job in a process of its own.

The executors are not loaded with it: only processes that run notebooks need them.
"""

from webapp.jobs.child import JobContext, run_child
from webapp.jobs.environment import scrubbed_environment
from webapp.jobs.events import read_events
from webapp.jobs.queue import claim, enqueue, get_job, request_cancel
from webapp.jobs.supervisor import Supervisor

__all__ = [
    "JobContext",
    "Supervisor",
    "claim",
    "enqueue",
    "get_job",
    "read_events",
    "request_cancel",
    "run_child",
    "scrubbed_environment",
]
