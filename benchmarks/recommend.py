"""Time of a recommendation for 10,000 analysed chats of `corpus.py`: `python benchmarks/recommend.py`.

The bar is 20 ms for `recommend`, which ranks the catalogue, chooses the settings of every model that fits, and ranks
anew for each single change of the question; the ranking alone is printed beside it. Other work on the machine changes
the CPU time less than the time on the wall.
"""

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from corpus import Pool, chats

from webapp.catalog import TARGETS, TASKS, Case, Profile, find_gpu, recommend
from webapp.catalog.methods import methods_on
from webapp.catalog.ranking import rank
from webapp.datasets import Analysis, analyze

ROWS, CALLS = 10_000, 200
TASK, TARGET, GPU = "conversation", "cloud", "t4"


def main() -> None:
    """Prints median and slowest of each."""
    analysis, gpu = analysed(), find_gpu(GPU)
    print(f"recommend: {timed(lambda: recommend(analysis, TASK, TARGET, GPU))}")
    case = Case(Profile.of(analysis), TASKS[TASK], TARGETS[TARGET], gpu, methods_on(gpu))
    print(f"rank alone: {timed(lambda: rank(case))}")


def analysed() -> Analysis:
    """The analysis of the chats."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "chats.jsonl")
        path.write_text("".join(itertools.islice(chats(Pool(), sys.maxsize), ROWS)), encoding="utf-8")
        return analyze(path)


def timed(call: Callable[[], object]) -> str:
    """The times of a call after the first, which fills the caches, in words."""
    call()
    cpu, wall = [], []
    for _ in range(CALLS):
        began, started = time.process_time(), time.perf_counter()
        call()
        cpu.append((time.process_time() - began) * 1000)
        wall.append((time.perf_counter() - started) * 1000)
    return "; ".join(
        f"{what} median {statistics.median(found):.1f} ms, slowest {max(found):.1f} ms"
        for what, found in (("CPU", cpu), ("wall", wall))
    )


if __name__ == "__main__":
    main()
