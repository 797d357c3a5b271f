"""Where a notebook runs: on this machine, in a kernel of its own."""

from webapp.jobs.executors.kernel import Event, Ready
from webapp.jobs.executors.local import Execution, execute

__all__ = ["Event", "Execution", "Ready", "execute"]
