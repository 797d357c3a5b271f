"""Posts a run's reports to an address, in a thread of its own: what could not be sent is kept and sent again.

Only the standard library: it works wherever the notebook does.
"""

import http.client
import json
import secrets
import threading
import urllib.error
import urllib.request
from collections import deque
from typing import Any

BATCH_EVENTS = 200
KEPT_EVENTS = 5000  # while nothing can be sent; then the oldest go
POST_SECONDS = 1.0  # between two posts
POST_TIMEOUT = 10.0
FIRST_PAUSE = 1.0  # after a failed attempt; each pause is twice the one before
LONGEST_PAUSE = 60.0
HURRIED_PAUSE = 0.25  # between two attempts while the end of the run waits
PASSING = (408, 425, 429)  # what a later attempt may get past; so may every status from 500 on


class StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for one address alone."""

    def redirect_request(self, *_: Any) -> None:
        """Makes an error of the redirect."""


class Postman:
    """Sends events as `{"run": ..., "events": [...]}`, in order, at most once a second; nobody waits for it.

    `run` names what the next events belong to. `fault` is why nothing is sent any more: the token never stands in it.
    `cancelled` is whether the answer was that the run is to stop.
    """

    def __init__(self, url: str, token: str) -> None:
        self.start_run()
        self.fault: str | None = None
        self._url = url
        self._headers = {"Authorization": f"Bearer {token.strip()}", "Content-Type": "application/json"}
        self._opener = urllib.request.build_opener(StayHere)
        self._events: deque[tuple[str, dict[str, Any]]] = deque(maxlen=KEPT_EVENTS)
        self._state = threading.Condition()
        self._sending = False
        self._hurry = threading.Event()
        threading.Thread(target=self._work, name="progress", daemon=True).start()

    def start_run(self) -> None:
        """What is put from now on belongs to another run, which nobody has cancelled yet."""
        self.run = secrets.token_urlsafe(12)
        self.cancelled = False

    def put(self, event: dict[str, Any]) -> None:
        """Takes an event to send; never waits for the network."""
        with self._state:
            self._events.append((self.run, event))
            self._state.notify_all()

    def settle(self, seconds: float) -> bool:
        """Waits, `seconds` at most, until all is sent; False when something is left."""
        self._hurry.set()
        with self._state:
            self._state.wait_for(lambda: self.fault or not (self._events or self._sending), seconds)
            left = bool(self._events) or self._sending
        self._hurry.clear()
        return not left

    def _work(self) -> None:
        while self.fault is None:
            run, batch = self._take()
            self._deliver(json.dumps({"run": run, "events": batch}, allow_nan=False).encode())
            with self._state:
                self._sending = False
                self._state.notify_all()
            self._hurry.wait(POST_SECONDS)

    def _take(self) -> tuple[str, list[dict[str, Any]]]:
        """The next events that belong to one run, once there are any."""
        with self._state:
            self._state.wait_for(lambda: self._events)
            run = self._events[0][0]
            batch: list[dict[str, Any]] = []
            while self._events and self._events[0][0] == run and len(batch) < BATCH_EVENTS:
                batch.append(self._events.popleft()[1])
            self._sending = True
        return run, batch

    def _deliver(self, body: bytes) -> None:
        """Tries until it is taken, or refused for good."""
        pause = FIRST_PAUSE
        while True:
            try:
                self.cancelled = self._post(body)
                return
            except urllib.error.HTTPError as error:
                error.close()
                if error.code < 500 and error.code not in PASSING:
                    self.fault = f"{self._url} answered with status {error.code}"
                    return
            except (OSError, ValueError, http.client.HTTPException) as error:
                if isinstance(error, ValueError) and not self._url.startswith(("http://", "https://")):
                    self.fault = f"{self._url} is no address of a web server"
                    return
            if self._hurry.wait(pause):
                threading.Event().wait(HURRIED_PAUSE)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _post(self, body: bytes) -> bool:
        """Whether the answer asks the run to stop."""
        request = urllib.request.Request(self._url, body, self._headers, method="POST")  # noqa: S310
        with self._opener.open(request, timeout=POST_TIMEOUT) as answer:
            said = json.loads(answer.read(1 << 16))
        return isinstance(said, dict) and said.get("cancel") is True
