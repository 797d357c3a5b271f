"""The job in which the model of a run is tried: it holds both models, takes prompts from its events, and answers."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from time import monotonic
from typing import Any

from webapp.errors import Problem
from webapp.jobs import JobContext, read_events
from webapp.notebooks.answering import Answers, Trained, answers
from webapp.storage.tables import Job, JobEvent, Notebook
from webapp.workflow.job_files import run_key
from webapp.workflow.services import Services

# It ends when nobody has asked for so long, and after so long in any case: others want the machine, too.
IDLE_SECONDS, SESSION_SECONDS = 300.0, 3600.0
_POLL_SECONDS = 0.1
_ORDERS = JobEvent.type.in_(("prompt", "stop"))
_SEED = 0

Opening = Callable[[Trained], AbstractContextManager[Answers]]


def run_chat(services: Services, context: JobContext, opening: Opening = answers) -> Mapping[str, Any]:
    """Loads the models and answers until nobody asks any more; says how often it was asked, and why it ended.

    Raises Problem `model_not_here` where the run's files have gone, and those of webapp.notebooks.answering.
    """
    context.report(0.0, "Starting to load both models")
    with opening(_trained(services, context.job)) as both:
        return _Chat(context, both).run()


def _trained(services: Services, job: Job) -> Trained:
    with services.db.reading() as session:
        run = session.get(Job, job.params["run_id"])
        notebook = session.get(Notebook, job.notebook_id)
    if run is None or notebook is None:
        raise Problem("model_not_here", "The run of this model has been deleted.", status=409)
    return Trained(services.blobs.path(run_key(run.id)), services.blobs.path(notebook.blob), run.kind == "dry_run")


class _Chat:
    def __init__(self, context: JobContext, both: Answers) -> None:
        self._context, self._both = context, both
        self._seen = 0
        self._waiting: set[int] = set()
        self._asked = 0
        self._ready = False
        self._began = self._quiet_since = self._told = monotonic()
        self._done = _answered(context)

    def run(self) -> Mapping[str, Any]:
        while (end := self._end()) is None:
            self._context.check()
            for said in self._both.news(_POLL_SECONDS):
                self._hear(dict(said))
            self._take_orders()
            self._say_how_long()
        return {"prompts": self._asked, "ended": end}

    def _end(self) -> str | None:
        now = monotonic()
        if now - self._began >= SESSION_SECONDS:
            return "time"
        quiet = self._ready and not self._waiting
        return "idle" if quiet and now - self._quiet_since >= IDLE_SECONDS else None

    def _hear(self, said: dict[str, Any]) -> None:
        kind = said.pop("type")
        self._context.event(kind, said)
        if kind == "ready":
            self._ready = True
            self._quiet_since = monotonic()
            place = "the CPU" if said["hardware"] == "CPU" else said["hardware"]
            self._context.report(1.0, f"Both models are loaded on {place}")
        elif kind == "answer" and said["side"] == "tuned":  # the second of the two
            self._waiting.discard(said["prompt"])
            self._quiet_since = monotonic()

    def _take_orders(self) -> None:
        with self._context.db.reading() as session:
            orders = read_events(session, self._context.job.id, self._seen, 100, _ORDERS)
        for order in orders:
            self._seen = order.seq
            if order.type == "stop":
                self._both.send({"stop": order.data["prompt"]})
            elif order.seq not in self._done:
                self._waiting.add(order.seq)
                self._asked += 1
                self._both.send(_prompt(order))

    def _say_how_long(self) -> None:
        if not self._ready and monotonic() - self._told >= 1.0:
            self._told = monotonic()
            self._context.report(0.0, f"Loading both models, for {self._told - self._began:.0f} s now")


def _answered(context: JobContext) -> set[int]:
    """The prompts that an earlier attempt has answered to their end."""
    with context.db.reading() as session:
        told = read_events(session, context.job.id, 0, 10_000, JobEvent.type == "answer")
    return {event.data["prompt"] for event in told if event.data["side"] == "tuned"}


def _prompt(order: JobEvent) -> dict[str, Any]:
    system = [{"role": "system", "content": order.data["system"]}] if order.data["system"] else []
    return {
        "prompt": order.seq,
        "messages": [*system, {"role": "user", "content": order.data["text"]}],
        "temperature": order.data["temperature"],
        "max_new_tokens": order.data["max_new_tokens"],
        "seed": _SEED,
    }
