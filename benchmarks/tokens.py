"""Token counting against tiktoken on the same text: `python benchmarks/tokens.py [TOKENIZER_JSON...]`.

The text is the source of the standard library, in paragraphs, each once. CPU seconds of one core, the median of three
rounds, the fast tokenizer made anew each round: it remembers words it has seen. A model's own tokenizer is compared
with Hugging Face's `tokenizers` on one thread.
"""

import os
import sys
import sysconfig
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

os.environ["RAYON_NUM_THREADS"] = "1"

from webapp.datasets import (
    ENCODINGS,
    OpenAITokenizer,
    OwnTokenizer,
    Tokenizer,
    open_tokenizer,
    openai_tokenizer,
    own_tokenizer,
)

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


def compare(make: Callable[[], OpenAITokenizer | OwnTokenizer], texts: list[str]) -> None:
    """Prints the speeds of a tokenizer and its reference, their ratio, and how many counts differ."""
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    ours, theirs = [], []
    for _ in range(ROUNDS):
        openai_tokenizer._gigatoken.cache_clear(), own_tokenizer._gigatoken.cache_clear()
        tokenizer = make()
        ours.append(counted(tokenizer, texts))
        theirs.append(counted(tokenizer.reference or tokenizer, texts))
    fast, slow = (megabytes / median(seconds for seconds, _ in rounds) for rounds in (ours, theirs))
    differing = sum(a != b for a, b in zip(ours[0][1], theirs[0][1], strict=True))
    print(f"{tokenizer.name}: {megabytes:.1f} MB in {len(texts):,} texts; {differing} counts differ")
    print(f"Tunebook {fast:.0f} MB/s, the reference {slow:.1f} MB/s: {fast / slow:.1f} times as fast")


def main() -> None:
    """Compares both encodings, and the tokenizers that the command line names."""
    texts = paragraphs()
    for name in ENCODINGS:
        compare(partial(OpenAITokenizer, name), texts)
    for path in sys.argv[1:]:
        compare(partial(open_tokenizer, Path(path)), texts)


if __name__ == "__main__":
    main()
