"""What open streams are told of a job: its events and its progress, in one form for every kind of stream."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Protocol

from webapp.storage.tables import utc_now


class Event(Protocol):
    """What of an event is told: a `JobEvent`, or a row with the same columns."""

    @property
    def seq(self) -> int: ...
    @property
    def attempt(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def type(self) -> str: ...
    @property
    def data(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Message:
    """One thing that is told; `seq` is that of its event, None for progress, which is no event."""

    seq: int | None
    body: Mapping[str, Any]

    @cached_property
    def text(self) -> str:
        """The body as one line of JSON, made once for all streams that carry it."""
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def event_message(event: Event) -> Message:
    """`{type, seq, attempt, timestamp, ...}`: printed text is a `log` with its `message`, a `status` has the state and
    a failure's error, all others have their `data`.
    """
    common = {"seq": event.seq, "attempt": event.attempt, "timestamp": _stamp(event.at)}
    match event.type:
        case "stream":
            rest = {name: value for name, value in event.data.items() if name != "text"}
            body = {"type": "log"} | common | {"message": event.data["text"]} | rest
        case "status":
            body = {"type": "status"} | common | event.data
        case kind:
            body = {"type": kind} | common | {"data": event.data}
    return Message(event.seq, body)


def progress_message(share: float, text: str) -> Message:
    """How far the job is now: `progress` from 0 to 1, and a line for people."""
    body = {"type": "progress", "timestamp": _stamp(utc_now()), "progress": share, "message": text}
    return Message(None, body)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
