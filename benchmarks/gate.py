"""CPU seconds of the gate (webapp/baselines) by the number of rows: `python benchmarks/gate.py`.

10,000 chats of `corpus.py`, the same chats again and again to a million, and 10,000 pairs of 1,000 Chinese characters
drawn at random, which is the most that the look-up has to do. No chat counts as the copy of another: that is the most
that the split has to do. The million takes 1 GB in the temporary folder.
"""

import itertools
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from corpus import Pool, chats

from webapp.baselines import gate
from webapp.catalog.held_out import held_out_share
from webapp.datasets import Examples, ExampleWriter

ROWS, TIMES, CHARACTERS = 10_000, 100, 1000


def main() -> None:
    """Prints the import's seconds, which each process pays once, then those of each dataset."""
    start = time.process_time()
    import sklearn.feature_extraction.text  # noqa: F401

    print(f"importing scikit-learn: {time.process_time() - start:.2f} CPU s")
    talk = [line.encode() for line in itertools.islice(chats(Pool(), sys.maxsize), ROWS)]
    for what, lines, times in (("chats", talk, 1), ("chats", talk, TIMES), ("pairs in Chinese", list(chinese()), 1)):
        with tempfile.TemporaryDirectory() as folder:
            with ExampleWriter(Path(folder)) as writer:
                for _ in range(times):
                    lengths = np.array(list(map(len, lines)), np.uint32)
                    writer.write(b"".join(lines), lengths, np.zeros_like(lengths), np.zeros_like(lengths))
            start = time.process_time()
            examples = Examples(Path(folder))
            found = gate(examples, held_out_share(len(examples)), 42)
            print(f"{found.rows:,} {what}: {time.process_time() - start:.2f} CPU s ({found.verdict})")


def chinese() -> Iterator[bytes]:
    """Pairs of texts from the 3,000 first characters of the block, the first ones more often."""
    draw, characters = random.Random(0), [chr(0x4E00 + number) for number in range(3000)]
    frequencies = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(characters))))
    for _ in range(ROWS):
        asked, said = ("".join(draw.choices(characters, cum_weights=frequencies, k=CHARACTERS)) for _ in range(2))
        messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
        yield json.dumps({"messages": messages}, ensure_ascii=False).encode() + b"\n"


if __name__ == "__main__":
    main()
