"""Where the blocks of a file are examined: here, in processes of this machine, or on a Ray cluster.

Each engine takes blocks and gives their partials in the same order, so that reports are equal to the byte.
"""

import multiprocessing
import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from webapp.datasets.examining import Examination, Partial, examine
from webapp.datasets.reading import Block
from webapp.errors import Problem
from webapp.stopping import end_with_parent

Examine = Callable[[Iterable[Block]], Iterator[Partial]]

_WORTH_PROCESSES = 64_000_000
_MOST_WAITING = 32  # partials of about 3 MB, for the first block takes as long as a process to start

Handle = TypeVar("Handle")


class Engine(NamedTuple):
    """Where the work is done: `start` makes what examines blocks, and `cores` of this machine may be used at once."""

    start: Callable[[Examination], AbstractContextManager[Examine]]
    cores: int = 1


@contextmanager
def _one_after_another(by: Examination) -> Iterator[Examine]:
    yield partial(map, partial(examine, by=by))


in_this_process = Engine(_one_after_another)


def suited_to(source: Path) -> Engine:
    """A process for each core where the file is large enough to make up for their start."""
    cores = os.cpu_count() or 1
    return in_processes(cores) if cores > 1 and source.stat().st_size > _WORTH_PROCESSES else in_this_process


def in_processes(workers: int) -> Engine:
    """`workers` processes of this machine, this one among them, each with its own tokenizer; they end with this one.

    Raises Problem `worker_died` when one of the others is killed.
    """
    if workers == 1:
        return in_this_process

    @contextmanager
    def start(by: Examination) -> Iterator[Examine]:
        pickle.dumps(by)  # a tokenizer that cannot travel would have the pool wait for ever
        # Not forked: whoever analyses may have threads, and a lock that one of them holds would stay locked.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(workers - 1, context, initializer=_follow_parent)
        try:
            yield partial(_shared, here=partial(examine, by=by), pool=pool, ahead=4 * (workers - 1))
        except BrokenProcessPool as error:
            message = "A process of the analysis was ended from outside, perhaps for want of memory: use fewer workers."
            raise Problem("worker_died", message, status=503) from error
        finally:
            # Nothing is left to wait for, and a process takes its time to end.
            pool.shutdown(wait=False, cancel_futures=True)

    return Engine(start, workers)


def _follow_parent() -> None:
    """Makes this process end with its parent only: Ctrl-C, which a terminal sends to both, is the parent's to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(signal.SIGKILL)


def _shared(
    blocks: Iterable[Block], *, here: Callable[[Block], Partial], pool: ProcessPoolExecutor, ahead: int
) -> Iterator[Partial]:
    """The partials in the order of the blocks; what the pool has no hands for is done here."""
    waiting: deque[Future[Partial]] = deque()
    for block in blocks:
        if sum(not future.done() for future in waiting) < ahead:
            waiting.append(pool.submit(here, block))
        else:
            waiting.append(_done(here(block)))
        while waiting and (waiting[0].done() or len(waiting) > _MOST_WAITING):
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _done(partial: Partial) -> Future[Partial]:
    future: Future[Partial] = Future()
    future.set_result(partial)
    return future


def _in_order(
    blocks: Iterable[Block], *, submit: Callable[[Block], Handle], result: Callable[[Handle], Partial], ahead: int
) -> Iterator[Partial]:
    """The partials in the order of the blocks, with at most `ahead` blocks under way."""
    waiting: deque[Handle] = deque()
    for block in blocks:
        waiting.append(submit(block))
        if len(waiting) >= ahead:
            yield result(waiting.popleft())
    while waiting:
        yield result(waiting.popleft())


def on_ray(address: str = "auto") -> Engine:
    """Ray core tasks on the cluster at `address`; "local" starts one on this machine for the time of the analysis.

    Blocks and partials travel through Ray's object store: the workers need Tunebook installed, but not the file. Raises
    Problem `ray_not_installed` or `ray_not_reachable`.
    """

    @contextmanager
    def start(by: Examination) -> Iterator[Examine]:
        ray = _connected(address)
        try:
            task = ray.remote(examine)
            shared = ray.put(by)
            ahead = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
            yield partial(_in_order, submit=lambda block: task.remote(block, shared), result=ray.get, ahead=ahead)
        finally:
            ray.shutdown()

    return Engine(start)


def _connected(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise Problem(
            "ray_not_installed", "The ray engine needs the extra: pip install 'tunebook[ray]'.", status=501
        ) from error
    try:
        # Without an address, Ray would join whatever cluster runs on the machine.
        ray.init(address=address, include_dashboard=False, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise Problem(
            "ray_not_reachable",
            f"There is no Ray cluster at {address!r}: start one with `ray start --head`, or set RAY_ADDRESS.",
            status=503,
        ) from error
    return ray
