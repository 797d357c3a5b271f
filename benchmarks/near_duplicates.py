"""Near-duplicates against datasketch on the same documents: `python benchmarks/near_duplicates.py [DOCUMENTS]`.

Documents of 30 to 200 words, 8 % of them copies with 5, 10, 15 or 20 % of their words edited. datasketch as its manual
shows it: MinHash of word 2-grams, 128 permutations, MinHashLSH at 0.4, candidates verified by their signatures. CPU
seconds of one core; for Tunebook all of it counts, tokens included. Needs `pip install datasketch` for the ratio.
"""

import os
import random
import sys
import time
from importlib.util import find_spec
from itertools import pairwise

os.environ |= {"RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

import numpy as np

from webapp.datasets import NEAR_THRESHOLD, OpenAITokenizer
from webapp.datasets.jaccard import TokenStore
from webapp.datasets.near_duplicates import NearDuplicates, sign

DOCUMENTS, BATCH, PERMUTATIONS = 20_000, 2000, 128
RATES, LENGTHS = (0.05, 0.10, 0.15, 0.20), (30, 50, 80, 120, 200)


def corpus(documents: int) -> tuple[list[str], list[tuple[int, int]]]:
    """The documents, and (original, copy) of each planted copy; words fall in frequency as in natural text."""
    draw = random.Random(0)
    words = ["".join(draw.choices("etaoinshrdlucmfwypvbgk", k=draw.randint(2, 9))) for _ in range(20_000)]
    frequencies = list(np.cumsum([1 / (rank + 10) for rank in range(len(words))]))
    copies = documents * 8 // 100
    originals = [
        draw.choices(words, cum_weights=frequencies, k=draw.choice(LENGTHS)) for _ in range(documents - copies)
    ]
    chosen = draw.sample(range(len(originals)), copies)
    edited = [_edited(draw, originals[original], RATES[n % len(RATES)], words) for n, original in enumerate(chosen)]
    pairs = [(original, len(originals) + n) for n, original in enumerate(chosen)]
    return [" ".join(document) for document in originals + edited], pairs


def _edited(draw: random.Random, words: list[str], rate: float, replacements: list[str]) -> list[str]:
    """60 % of the edits substitute a word, 20 % leave it out, 20 % put another after it."""
    found = list(words)
    for place in sorted(draw.sample(range(len(words)), round(rate * len(words))), reverse=True):
        kind = draw.random()
        another = [] if 0.6 <= kind < 0.8 else [draw.choice(replacements)]
        found[place : place + 1] = [words[place], *another] if kind >= 0.8 else another
    return found


def ours(tokenizer: OpenAITokenizer, documents: list[str]) -> list[int]:
    """The first of the cluster of each document."""
    with TokenStore() as store:
        near = NearDuplicates(store)
        for start in range(0, len(documents), BATCH):
            near.add(sign(tokenizer.encode(documents[start : start + BATCH])))
        return near.clusters(np.ones(len(documents), np.bool_)).first.tolist()


def datasketch(documents: list[str]) -> list[int]:
    """An earlier document that each one is alike to, itself when there is none."""
    from datasketch import MinHash, MinHashLSH

    index, sketches, first = MinHashLSH(threshold=NEAR_THRESHOLD, num_perm=PERMUTATIONS), [], []
    for number, document in enumerate(documents):
        words = document.lower().split()
        sketch = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch([f"{a} {b}".encode() for a, b in set(pairwise(words))])
        alike = [other for other in index.query(sketch) if sketches[other].jaccard(sketch) >= NEAR_THRESHOLD]
        index.insert(number, sketch, check_duplication=False)
        sketches.append(sketch)
        first.append(first[min(alike)] if alike else number)
    return first


def measured(name: str, search, documents: list[str], pairs: list[tuple[int, int]]) -> float:
    """Prints speed, recall and precision; answers documents a CPU second."""
    started = time.process_time()
    first = search(documents)
    speed = len(documents) / (time.process_time() - started)
    origin = list(range(len(documents)))
    for original, copy in pairs:
        origin[copy] = original
    found = [number for number in range(len(documents)) if first[number] != number]
    recall = sum(first[original] == first[copy] for original, copy in pairs) / len(pairs)
    precision = sum(origin[number] == origin[first[number]] for number in found) / max(1, len(found))
    print(f"{name:<12} {speed:>9,.0f} documents/s  recall {recall:.3f}  precision {precision:.3f}")
    return speed


def main() -> None:
    """Prints both and the ratio."""
    documents, pairs = corpus(int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS)
    tokenizer = OpenAITokenizer()
    tokenizer.encode(["loaded"])
    speed = measured("Tunebook", lambda texts: ours(tokenizer, texts), documents, pairs)
    if find_spec("datasketch"):
        print(f"{speed / measured('datasketch', datasketch, documents, pairs):.1f} times as fast")
    else:
        print("datasketch is not installed: no ratio")


if __name__ == "__main__":
    main()
