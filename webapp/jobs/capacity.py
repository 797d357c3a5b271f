"""What jobs need of a machine, and whether it is free: cores, main memory, a GPU of one's own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from time import monotonic

from webapp.jobs.queue import Line

# A job that needs a large part of the machine gets it once it has waited so long: the rest waits for it then.
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Needs:
    """Of one job: cores and bytes of main memory that it is reckoned with, and whether it holds a GPU.

    One that needs no core only watches what is done elsewhere.
    """

    cores: float = 1.0
    memory: int = 0
    gpu: bool = False


@dataclass(frozen=True)
class Machine:
    """What a supervisor may use. `gpus` are the values of CUDA_VISIBLE_DEVICES by the name that the device is held by.

    `needs` are those of each line of jobs by its name, others need a core; `jobs` run side by side at most, beside
    those that only watch.
    """

    cores: float = inf
    memory: float = inf
    gpus: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, Needs] = field(default_factory=dict)
    jobs: float = inf

    def needs_of(self, line: Line) -> Needs:
        """Never more than half of the machine, so that there is always room for something beside it."""
        asked = self.needs.get(line.name, Needs())
        cores, memory = min(asked.cores, self.cores / 2), min(asked.memory, self.memory / 2)
        return Needs(cores, int(memory), asked.gpu and bool(self.gpus))


TWO_JOBS = Machine(jobs=2)


class Room:
    """Chooses who comes next: the oldest that fits, and nobody past one that has waited too long for a large part.

    A job that waits for a GPU holds up nobody, however long: the card is held by another run, not by what is small.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._passed: dict[str, float] = {}

    def choose(
        self, lines: Sequence[Line], busy: Sequence[Needs], held: Collection[str]
    ) -> tuple[Line, str | None] | None:
        """The line (the oldest comes first) to claim from beside the `busy` jobs, and the GPU to hold for it.

        `held` are the GPUs that a running job holds. None when nothing fits.
        """
        self._passed = {line.name: since for line in lines if (since := self._passed.get(line.name)) is not None}
        for line in lines:
            needs = self._machine.needs_of(line)
            device = next((gpu for gpu in self._machine.gpus if gpu not in held), None) if needs.gpu else None
            if needs.gpu and device is None:
                continue
            if self._fits(needs, busy):
                self._passed.pop(line.name, None)
                return line, device
            if monotonic() - self._passed.setdefault(line.name, monotonic()) >= PATIENCE_SECONDS:
                return None
        return None

    def _fits(self, needs: Needs, busy: Sequence[Needs]) -> bool:
        held = [*busy, needs]
        at_work = [each for each in held if each.cores]
        watching = [] if needs.cores else [each for each in held if not each.cores]
        return (
            len(at_work) <= self._machine.jobs
            and sum(each.cores for each in at_work) <= self._machine.cores
            and sum(each.memory for each in held) <= self._machine.memory
            and sum(each.memory for each in watching) <= self._machine.memory / 2  # so that there is room for work
        )
