"""How far an estimate is from a model's own count: `python benchmarks/token_errors.py TOKENIZER_JSON...`.

Each file (or model's folder) is a model's own tokenizer. o200k_base and cl100k_base count the same texts: the
conversations of the bundled sample, and the paragraphs of the standard library's source from 20 tokens on.
"""

import json
import sys
from pathlib import Path

import numpy as np
from tokens import paragraphs

from webapp.datasets import ENCODINGS, OpenAITokenizer, Tokenizer, open_tokenizer, sample_path

SHORTEST = 20


def conversations() -> list[str]:
    """All that is said in each conversation of the sample."""
    lines = map(json.loads, sample_path().read_bytes().splitlines())
    return ["\n".join(message.get("content") or "" for message in line["messages"]) for line in lines]


def report(estimate: Tokenizer, own: Tokenizer, texts: list[str]) -> tuple[float, float]:
    """The share by which the total is off, and the share that 95 % of the texts stay within."""
    counted = estimate.encode(texts).counts
    long = counted >= SHORTEST
    counted, exact = counted[long], own.encode(texts).counts[long]
    return float(exact.sum() / counted.sum() - 1), float(np.percentile(np.abs(exact / counted - 1), 95))


def main() -> None:
    """Prints a line for each pair and kind of text, and the widest of all."""
    kinds = {"sample": conversations(), "source": paragraphs()}
    widest = [0.0, 0.0]
    for path in map(Path, sys.argv[1:]):
        own = open_tokenizer(path)
        for name in ENCODINGS:
            for kind, texts in kinds.items():
                total, p95 = report(OpenAITokenizer(name), own, texts)
                widest = [max(widest[0], abs(total)), max(widest[1], p95)]
                print(f"{path} against {name}, {kind}: total {total:+.1%}, 95 % of the texts within {p95:.1%}")
    print(f"widest: total {widest[0]:.1%}, 95 % of the texts within {widest[1]:.1%}")


if __name__ == "__main__":
    main()
