"""Long work: a queue in the database, a supervisor that runs each job in a process of its own.

The executors are not loaded with it: only processes that run notebooks need them.
"""

from webapp.jobs.capacity import Machine, Needs
from webapp.jobs.child import Died, JobContext, run_child
from webapp.jobs.environment import google_credentials, hub_token, scrubbed_environment
from webapp.jobs.events import last_events, read_events
from webapp.jobs.hosts import host_name
from webapp.jobs.limits import Limits
from webapp.jobs.queue import add_job, claim, enqueue, get_job, job_at_rest, request_cancel, resume, submit
from webapp.jobs.readers import Reader
from webapp.jobs.remote import Remote, remote_of
from webapp.jobs.supervisor import Supervisor
from webapp.jobs.tailer import Tailer

__all__ = [
    "Died",
    "JobContext",
    "Limits",
    "Machine",
    "Needs",
    "Reader",
    "Remote",
    "Supervisor",
    "Tailer",
    "add_job",
    "claim",
    "enqueue",
    "get_job",
    "google_credentials",
    "host_name",
    "hub_token",
    "job_at_rest",
    "last_events",
    "read_events",
    "remote_of",
    "request_cancel",
    "resume",
    "run_child",
    "scrubbed_environment",
    "submit",
]
