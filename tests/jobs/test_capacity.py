"""Who comes next: the oldest that fits, and nobody is passed by for ever."""

from datetime import UTC, datetime, timedelta

import pytest

from webapp.jobs import capacity
from webapp.jobs.capacity import Machine, Needs, Room
from webapp.jobs.queue import Line

GIB = 1024**3
NEEDS = {
    "analysis": Needs(1, GIB),
    "dry_run": Needs(1, 3 * GIB),
    "run": Needs(1, 4 * GIB, gpu=True),
    "colab": Needs(0, GIB // 4),
}
GPUS = {"here:0": "GPU-a", "here:1": "GPU-b"}
MACHINE = Machine(cores=4, memory=8 * GIB, gpus=GPUS, needs=NEEDS)


def lines(*names):
    """The first has waited longest."""
    now = datetime.now(UTC)
    executors = {"colab": "colab"}
    return [
        Line("run" if name in executors else name, executors.get(name, "local"), now + timedelta(seconds=number))
        for number, name in enumerate(names)
    ]


def chosen(machine, names, busy=(), held=()):
    found = Room(machine).choose(lines(*names), [NEEDS[name] for name in busy], held)
    return found and (found[0].name, found[1])


def test_the_oldest_that_fits_comes_first():
    assert chosen(MACHINE, ["dry_run", "analysis"]) == ("dry_run", None)
    assert chosen(MACHINE, []) is None


def test_cores_and_memory_are_counted():
    assert chosen(MACHINE, ["analysis"], busy=["analysis"] * 3) == ("analysis", None)
    assert chosen(MACHINE, ["analysis"], busy=["analysis"] * 4) is None
    assert chosen(MACHINE, ["dry_run", "analysis"], busy=["dry_run"] * 2) == ("analysis", None)


def test_no_more_jobs_than_allowed():
    assert chosen(Machine(jobs=2), ["quick"], busy=["analysis"]) == ("quick", None)
    assert chosen(Machine(jobs=2), ["quick"], busy=["analysis"] * 2) is None


def test_a_run_holds_a_gpu_of_its_own_and_waits_for_one_without_holding_anybody_up():
    assert chosen(MACHINE, ["run"]) == ("run", "here:0")
    assert chosen(MACHINE, ["run"], held=["here:0", "there:1"]) == ("run", "here:1")
    assert chosen(MACHINE, ["run", "analysis"], held=GPUS) == ("analysis", None)


def test_a_run_on_a_machine_without_a_gpu_takes_its_processor():
    assert chosen(Machine(cores=4, memory=8 * GIB, needs=NEEDS), ["run"]) == ("run", None)


def test_what_runs_elsewhere_needs_no_gpu_here():
    assert chosen(MACHINE, ["colab"], held=GPUS) == ("colab", None)


def test_what_only_watches_leaves_the_cores_and_half_of_the_memory_to_work():
    machine = Machine(cores=2, memory=4 * GIB, needs=NEEDS, jobs=1)
    assert chosen(machine, ["analysis"], busy=["colab"] * 8) == ("analysis", None)
    assert chosen(machine, ["colab"], busy=["colab"] * 7) == ("colab", None)
    assert chosen(machine, ["colab"], busy=["colab"] * 8) is None


@pytest.mark.parametrize("name", NEEDS)
def test_whatever_a_job_needs_it_runs_on_the_smallest_machine_and_leaves_room(name):
    small = Machine(cores=2, memory=2 * GIB, needs=NEEDS)
    assert chosen(small, [name]) == (name, None)
    room = Room(small)
    found = room.choose(lines("analysis"), [small.needs_of(lines(name)[0])], [])
    assert found is not None


def test_a_job_that_needs_much_is_not_passed_by_for_ever(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(capacity, "monotonic", lambda: now[0])
    room, waiting = Room(MACHINE), lines("dry_run", "analysis")
    busy = [NEEDS["dry_run"]] * 2
    assert room.choose(waiting, busy, [])[0].name == "analysis"
    now[0] = capacity.PATIENCE_SECONDS
    assert room.choose(waiting, busy, []) is None
    assert room.choose(waiting, busy[:1], [])[0].name == "dry_run"
    assert room.choose(waiting, busy, [])[0].name == "analysis"


def test_one_that_waits_for_a_gpu_may_be_passed_by_for_ever(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(capacity, "monotonic", lambda: now[0])
    room, waiting = Room(MACHINE), lines("run", "analysis")
    for now[0] in (0.0, capacity.PATIENCE_SECONDS, 10 * capacity.PATIENCE_SECONDS):
        assert room.choose(waiting, [], GPUS)[0].name == "analysis"
