"""The last step: prompts of one's own, asked of the model of a run and of its base model side by side."""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel as Schema
from pydantic import ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.accounts import Caller
from webapp.errors import Problem
from webapp.jobs import enqueue, request_cancel
from webapp.jobs.events import append
from webapp.jobs.states import ELSEWHERE, FINAL
from webapp.notebooks.results import MINIATURE, MODEL
from webapp.notebooks.spec import Whole
from webapp.storage.tables import Dataset, Job, JobEvent, Notebook
from webapp.workflow.analyses import open_examples
from webapp.workflow.chats import Prompt, read_prompts
from webapp.workflow.job_files import run_key
from webapp.workflow.jobs import JobStatus, describe
from webapp.workflow.lookup import chats_of, find_notebook, find_run, hold
from webapp.workflow.quotas import require_place
from webapp.workflow.services import Services

MOST_WAITING = 4
_TIME = 3600.0  # as long as webapp.workflow.chatting goes on by itself
_LOOKED_AT = 50  # conversations, for the system prompt that most of them have


class Question(Schema):
    """A prompt: what is asked, the system prompt before it, and how the answers are written.

    At temperature 0 the likeliest token is taken each time, as for the report of a run.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    text: Annotated[str, Field(min_length=1, max_length=8000)]
    system: Annotated[str, Field(max_length=4000)] = ""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    max_new_tokens: Annotated[int, Field(ge=1, le=1024), Whole] = 256


@dataclass(frozen=True)
class TryState:
    """What the page shows: the run, why its model cannot be tried (None: it can), and what was asked, newest first.

    `chat` is the newest job that held the models, `seq` the last of its events that is counted in; `system` is the
    system prompt that most of the rows have.
    """

    run: JobStatus
    notebook: Notebook | None
    absent: str | None
    chat: JobStatus | None
    prompts: list[Prompt]
    seq: int
    system: str

    @property
    def living(self) -> bool:
        """Whether the models are held, or soon will be."""
        return self.chat is not None and not self.chat.finished


@dataclass(frozen=True)
class Asked:
    """A prompt by its number, and the job that answers it."""

    prompt: int
    job: JobStatus


def try_state(services: Services, caller: Caller, run_id: str) -> TryState:
    """How it stands with trying the model of a run; raises Problem `job_not_found` or `not_a_run`."""
    with services.db.reading() as session:
        run = find_run(session, caller, run_id)
        filename = session.get_one(Dataset, run.dataset_id).filename
        chats = list(session.scalars(chats_of(run.id)))
        chat = chats[0] if chats else None
        # First: what is written meanwhile is then left to the stream.
        seq = session.scalar(select(func.max(JobEvent.seq)).where(JobEvent.job_id == chat.id)) if chat else 0
        living = chat.id if chat and chat.status not in FINAL else None
        return TryState(
            run=describe(run, filename),
            notebook=session.get(Notebook, run.notebook_id) if run.notebook_id else None,
            absent=_absent(services, run),
            chat=describe(chat, filename) if chat else None,
            prompts=read_prompts(session, [each.id for each in chats], living, seq or 0),
            seq=seq or 0,
            system=_usual_system(services, run.dataset_id),
        )


def ask_both(services: Services, caller: Caller, run_id: str, question: Question) -> Asked:
    """Asks the base model and the run's; both are loaded first where they are not.

    Raises Problem `job_not_found`, `not_a_run`, `model_not_here`, `too_many_jobs`, `too_many_prompts`, or `closing`.
    """
    with services.db.session() as session:
        run = find_run(session, caller, run_id)
        if run.kind == "run":
            caller.require("train")
        if absent := _absent(services, run):
            raise Problem("model_not_here", absent, status=409)
        hold(session, find_notebook(session, caller, run.notebook_id or ""))
        chat = _living(session, run.id) or _begun(services, session, caller, run)
        if chat.cancel_requested:
            raise Problem("closing", "The models are being put away: ask again in a few seconds.", status=409)
        _require_patience(session, chat)
        append(session, chat.id, chat.attempt, [("prompt", question.model_dump())])
        number = session.scalars(select(func.max(JobEvent.seq)).where(JobEvent.job_id == chat.id)).one()
        return Asked(number, describe(chat, session.get_one(Dataset, run.dataset_id).filename))


def stop_answer(services: Services, caller: Caller, run_id: str, prompt: str) -> None:
    """Ends the answers to a prompt, named by its number, where they are; those that have ended stay as they are.

    Raises Problem `job_not_found`, `not_a_run` or `prompt_not_found` (404).
    """
    number = int(prompt) if prompt.isascii() and prompt.isdecimal() and len(prompt) < 19 else 0
    with services.db.session() as session:
        run = find_run(session, caller, run_id)
        asked = session.get(JobEvent, number)
        chats = {chat.id for chat in session.scalars(chats_of(run.id))}
        if asked is None or asked.type != "prompt" or asked.job_id not in chats:
            raise Problem("prompt_not_found", "This run was asked no prompt of that number.", status=404)
        chat = _living(session, run.id)
        if chat and chat.id == asked.job_id:
            append(session, chat.id, chat.attempt, [("stop", {"prompt": number})])


def put_away(services: Services, caller: Caller, run_id: str) -> None:
    """Lets go of the models; fine when nobody holds them."""
    with services.db.session() as session:
        if chat := _living(session, find_run(session, caller, run_id).id):
            request_cancel(session, chat.id)


def _living(session: Session, run_id: str) -> Job | None:
    """The job that holds the models, kept as it is until the session ends."""
    return session.scalar(chats_of(run_id).where(Job.status.not_in(FINAL)).limit(1).with_for_update())


def _begun(services: Services, session: Session, caller: Caller, run: Job) -> Job:
    require_place(services, session, caller, run.dataset_id)
    return enqueue(
        session,
        "chat",
        owner=run.owner,
        dataset_id=run.dataset_id,
        notebook_id=run.notebook_id,
        params={"run_id": run.id},
        timeout_seconds=_TIME,
    )


def _require_patience(session: Session, chat: Job) -> None:
    waiting = sum(prompt.open for prompt in read_prompts(session, [chat.id], chat.id))
    if waiting >= MOST_WAITING:
        raise Problem(
            "too_many_prompts",
            f"{waiting} prompts are still to be answered: wait for one of them, or stop it.",
            status=429,
            details={"limit": MOST_WAITING, "retry_after": 5},
        )


def _absent(services: Services, run: Job) -> str | None:
    """Why the model of a run cannot be tried here, and what to do, in a sentence or two; None when it can."""
    files = services.blobs.files(run_key(run.id))
    if run.notebook_id is None or not _has_model(files):
        return _why_no_model(run)
    if run.kind == "dry_run" and f"{MINIATURE}/config.json" not in files:
        return "The miniature that this dry run trained is no longer here. Do the dry run again."
    if run.status not in FINAL:
        return "The run is still under way: its model can be tried when it has ended."
    return None


def _has_model(files: dict[str, int]) -> bool:
    """Whether what the run saved is there whole: an adapter or all weights, never a pickle."""
    return f"{MODEL}/tokenizer_config.json" in files and any(
        name.startswith(f"{MODEL}/") and name.endswith(".safetensors") for name in files
    )


def _why_no_model(run: Job) -> str:
    if run.executor == ELSEWHERE:
        return (
            "This run was done in a notebook of yours, and its model stayed there: on Colab in the folder "
            "tunebook-run/model, or on your Drive. To try a model here, run the notebook from here."
        )
    if run.status not in FINAL:
        return "The run has no model yet: it saves one when the training has ended."
    if run.status == "completed":
        return "The model of this run is no longer on this machine. Run the notebook again to have one."
    return "This run ended before it saved a model. Take it up again, and try its model when it has ended."


def _usual_system(services: Services, dataset_id: str) -> str:
    """The system prompt that more than half of the first rows have; empty where there is none."""
    try:
        examples = open_examples(services, dataset_id)
    except FileNotFoundError:
        return ""
    rows = examples.at(range(min(_LOOKED_AT, len(examples))))
    prompts = Counter(_system_of(row.messages) for row in rows)
    usual, count = prompts.most_common(1)[0]
    return usual[:4000] if 2 * count > len(rows) else ""


def _system_of(messages: list[dict[str, str]]) -> str:
    first = messages[0]
    return first["content"] or "" if first["role"] == "system" else ""
