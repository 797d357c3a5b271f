"""One open stream of a job: first what the log holds already, then what comes, each event once and in order."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Self

from webapp.errors import Problem
from webapp.jobs.messages import Message

# What a reader may have waiting before it is sent back to the log; the messages are shared between readers.
_WAITING = 256
_PAGE = 200
_AWAY_SECONDS = 0.5

Fetch = Callable[[str, int, int], list[Message]]


class Watch:
    """One job and its readers; `cursor` is the last event that they were given, `ended` why no other will come."""

    def __init__(self, job_id: str, cursor: int) -> None:
        self.job_id, self.cursor = job_id, cursor
        self.readers: set[Reader] = set()
        self.progress: Message | None = None
        self.ended: str | None = None


class Reader:
    """Made by `Tailer.open`; belongs to one thread, which reads it and closes it."""

    def __init__(
        self, watch: Watch, lock: threading.Lock, fetch: Fetch, after: int, close: Callable[["Reader"], None]
    ) -> None:
        self.watch, self.seen = watch, after
        # Set when there is something to read; others may set it, to be looked after by the reading thread.
        self.news = threading.Event()
        self._lock, self._fetch, self._close = lock, fetch, close
        self._queue: deque[Message] = deque()
        self._behind = True
        self._told: Message | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def ended(self) -> str | None:
        """Why the stream is over, once all was read: a final state, `deleted` or `stopping`."""
        with self._lock:
            return None if self._behind or self._queue else self.watch.ended

    def read(self, seconds: float) -> list[Message]:
        """The next messages, waiting up to `seconds` for some; none when there are none, or it has ended."""
        if not self._behind:
            if self.ended is None:
                self.news.wait(seconds)
            self.news.clear()
        messages = self._from_log(seconds) if self._behind else self._waiting()
        if not self._behind and (progress := self.watch.progress) is not self._told and progress is not None:
            self._told = progress
            messages.append(progress)
        return messages

    def close(self) -> None:
        """Frees its place; again is fine."""
        self._close(self)

    def give(self, message: Message) -> None:
        """Puts an event into its queue, or sends it back to the log; the caller holds the lock."""
        if not self._behind:
            self._queue.append(message)
            self._behind = len(self._queue) > _WAITING
            if self._behind:
                self._queue.clear()

    def _waiting(self) -> list[Message]:
        with self._lock:
            messages = [message for message in self._queue if (message.seq or 0) > self.seen]
            self._queue.clear()
        return self._saw(messages)

    def _from_log(self, seconds: float) -> list[Message]:
        # Events are queued again before the log is read: whatever comes in between is in both, and told once.
        with self._lock:
            self._behind = False
        try:
            messages = self._fetch(self.watch.job_id, self.seen, _PAGE)
        except Problem:
            self._fall_behind()
            self.news.wait(min(seconds, _AWAY_SECONDS))
            return []
        if len(messages) == _PAGE:
            self._fall_behind()
        return self._saw(messages)

    def _fall_behind(self) -> None:
        with self._lock:
            self._behind = True
            self._queue.clear()

    def _saw(self, messages: list[Message]) -> list[Message]:
        if messages:
            self.seen = messages[-1].seq or self.seen
        return messages
