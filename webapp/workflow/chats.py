"""What was asked of a run's model and answered, read from the events of the jobs in which it was tried.

A prompt goes by the sequence number of its event. The page writes `prompt` and `stop`, the job `writing`, `piece` and
`answer`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from webapp.storage.tables import JobEvent
from webapp.training.sides import SIDES, Side

SHOWN = 20
LAST = 2**62  # beyond every sequence number


@dataclass(frozen=True)
class Answer:
    """One side's answer as far as it is.

    Its state is `waiting`, `writing`, or its end: `ended` by the model, `limit`, `stopped`, `failed` (`message` says
    why), or `lost` where nobody is there any more to write it. `seconds` are those of `tokens`.
    """

    state: str = "waiting"
    text: str = ""
    tokens: int = 0
    seconds: float = 0.0
    message: str = ""

    @property
    def open(self) -> bool:
        """Whether more is to come."""
        return self.state in ("waiting", "writing")

    @property
    def speed(self) -> float | None:
        """Tokens a second."""
        return self.tokens / self.seconds if self.tokens and self.seconds else None


@dataclass(frozen=True)
class Prompt:
    """What was asked, and the answers of both sides; `job_id` is the job that was asked."""

    number: int
    job_id: str
    text: str
    system: str
    temperature: float
    max_new_tokens: int
    answers: dict[Side, Answer] = field(default_factory=lambda: {side: Answer() for side in SIDES})

    @property
    def open(self) -> bool:
        """Whether an answer is still to come."""
        return any(answer.open for answer in self.answers.values())


def read_prompts(session: Session, job_ids: Collection[str], living: str | None, until: int = LAST) -> list[Prompt]:
    """The last prompts of these jobs, newest first, as of the event `until`; `living` is the job that still answers."""
    known = JobEvent.job_id.in_(job_ids) & (JobEvent.seq <= until)
    prompts = _asked(session, known)
    if not prompts:
        return []
    began: dict[tuple[int, Side], int] = {}
    for event in _events(session, known, min(prompts), "writing", "answer"):
        data = dict(event.data)
        number, side = data.pop("prompt"), data.pop("side")
        if number not in prompts:
            continue
        if event.type == "writing":  # perhaps anew: an attempt that died has said a part
            began[number, side] = event.seq
            prompts[number].answers[side] = Answer("writing")
        else:
            prompts[number].answers[side] = Answer(data.pop("end"), **data)
    for (number, side), seq in began.items():
        if prompts[number].answers[side].open:
            told = [event.data for event in _events(session, known, seq, "piece")]
            text = "".join(data["text"] for data in told if (data["prompt"], data["side"]) == (number, side))
            prompts[number].answers[side] = Answer("writing", text)
    return [_settled(prompts[number], living) for number in sorted(prompts, reverse=True)]


def _asked(session: Session, known: ColumnElement[bool]) -> dict[int, Prompt]:
    last = select(JobEvent).where(known, JobEvent.type == "prompt")
    found = session.scalars(last.order_by(JobEvent.seq.desc()).limit(SHOWN))
    return {event.seq: Prompt(event.seq, event.job_id, **event.data) for event in found}


def _events(session: Session, known: ColumnElement[bool], after: int, *types: str) -> list[JobEvent]:
    told = select(JobEvent).where(known, JobEvent.type.in_(types), JobEvent.seq > after)
    return list(session.scalars(told.order_by(JobEvent.seq)))


def _settled(prompt: Prompt, living: str | None) -> Prompt:
    if prompt.job_id != living:
        for side, answer in prompt.answers.items():
            if answer.open:
                prompt.answers[side] = Answer("lost", answer.text)
    return prompt
