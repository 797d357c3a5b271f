"""How far a running notebook is, from the events of its executor."""

import re
from dataclasses import dataclass

from webapp.jobs.executors import Event

# How the training loop tells of itself: "step 12/100  epoch 0.29  loss 4.5254 ...".
_STEP = re.compile(r"step (\d+)/([1-9]\d*)\b")


@dataclass
class Progress:
    """Follows the events; `share` is 0 to 1 of the code cells, `message` what is being done, in a line."""

    share: float = 0.0
    message: str = ""
    _cell: int = 0
    _total: int = 1

    def follow(self, event: Event) -> None:
        """Takes the next event."""
        if event.type == "cell_started":
            self._cell, self._total = event.data["cell"], event.data["total"]
            self.share = self._cell / self._total
            self.message = f"Cell {self._cell + 1} of {self._total}"
        elif event.type == "stream" and event.data["name"] == "stdout":
            self._listen(_last_line(event.data["text"]))

    def _listen(self, said: str) -> None:
        if not said:
            return
        self.message = said
        if step := _STEP.match(said):
            self.share = (self._cell + int(step[1]) / int(step[2])) / self._total


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()]
    return lines[-1][:200] if lines else ""
