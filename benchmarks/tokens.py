"""Token counting against tiktoken on the same text: `python benchmarks/tokens.py`.

The text is the source of the standard library, in paragraphs, each once. CPU seconds of one core, the median of three
rounds, the fast tokenizer made anew each round: it remembers words it has seen.
"""

import os
import sysconfig
import time
from pathlib import Path
from statistics import median

os.environ["RAYON_NUM_THREADS"] = "1"

from webapp.datasets import ENCODINGS, OpenAITokenizer, Tokenizer, openai_tokenizer

BATCH, ROUNDS = 2000, 3


def paragraphs() -> list[str]:
    """What stands between blank lines, each text once; longer ones are left out, which tiktoken would get in pieces."""
    sources = sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py"))
    texts = [path.read_text(encoding="utf-8", errors="ignore") for path in sources if "site-packages" not in path.parts]
    return list(dict.fromkeys(part for text in texts for part in text.split("\n\n") if len(part) <= 50_000))


def counted(tokenizer: Tokenizer, texts: list[str]) -> tuple[float, list[int]]:
    """CPU seconds, and the count of each text."""
    tokenizer.encode(["loaded"])
    counts, started = [], time.process_time()
    for start in range(0, len(texts), BATCH):
        counts += tokenizer.encode(texts[start : start + BATCH]).counts.tolist()
    return time.process_time() - started, counts


def compare(name: str, texts: list[str]) -> None:
    """Prints both speeds of an encoding, their ratio, and how many counts differ."""
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    ours, theirs = [], []
    for _ in range(ROUNDS):
        openai_tokenizer._gigatoken.cache_clear()
        tokenizer = OpenAITokenizer(name)
        ours.append(counted(tokenizer, texts))
        theirs.append(counted(tokenizer.reference, texts))
    fast, slow = (megabytes / median(seconds for seconds, _ in rounds) for rounds in (ours, theirs))
    differing = sum(a != b for a, b in zip(ours[0][1], theirs[0][1], strict=True))
    print(f"{name}: {megabytes:.1f} MB in {len(texts):,} texts; {differing} counts differ")
    print(f"Tunebook {fast:.0f} MB/s, tiktoken {slow:.1f} MB/s: {fast / slow:.1f} times as fast")


def main() -> None:
    """Compares both encodings."""
    texts = paragraphs()
    for name in ENCODINGS:
        compare(name, texts)


if __name__ == "__main__":
    main()
