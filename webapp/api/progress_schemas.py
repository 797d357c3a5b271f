"""What a notebook's reports carry: numbers of steps, and how it ended."""

from typing import Annotated, Any, Literal

from pydantic import Field

from webapp.api.schemas import Request
from webapp.notebooks.spec import Whole

MOST_EVENTS = 500  # in one report
Number = Annotated[float | None, Field(description="Null, as every number that is not known.")]
Steps = Annotated[int, Field(ge=0, le=10_000_000), Whole]


class MetricsEvent(Request):
    """The figures of one optimiser step."""

    type: Literal["metrics"]
    step: Annotated[Steps, Field(description="0 is before the first.")]
    total_steps: Steps | None = None
    epoch: Number = None
    loss: Annotated[Number, Field(description="Nats per trained token, as `eval_loss`.")] = None
    eval_loss: Number = None
    learning_rate: Number = None
    grad_norm: Number = None
    tokens_per_second: Number = None
    memory_bytes: Annotated[int | None, Field(ge=0, le=2**50, description="The peak on the card."), Whole] = None
    eta_seconds: Number = None

    def figures(self) -> dict[str, Any]:
        """What is known, by name."""
        return self.model_dump(exclude={"type"}, exclude_none=True)


class NotebookError(Request):
    """The exception that ended a notebook."""

    name: Annotated[str, Field(max_length=200)]
    value: Annotated[str, Field(max_length=4000)]


class StatusEvent(Request):
    """That a notebook has started, or how it ended."""

    type: Literal["status"]
    status: Literal["running", "completed", "failed"]
    error: Annotated[NotebookError | None, Field(description="Of one that failed.")] = None


class ProgressRequest(Request):
    """Some events of one start of a notebook."""

    run: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$", description="Random, new for each start.")]
    events: Annotated[
        list[Annotated[MetricsEvent | StatusEvent, Field(discriminator="type")]], Field(max_length=MOST_EVENTS)
    ]
