"""How far a running notebook is, from the events of its executor."""

from dataclasses import dataclass

from webapp.jobs.executors import Event
from webapp.jobs.metrics import step_in_words, steps_done


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
            self.message = _last_line(event.data["text"]) or self.message
        elif event.type == "metrics":
            self.share = (self._cell + (steps_done(event.data) or 0.0)) / self._total
            self.message = step_in_words(event.data)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()]
    return lines[-1][:200] if lines else ""
