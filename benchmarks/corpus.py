"""A seeded corpus of chats made of text found on this machine: `python benchmarks/corpus.py 100 OUT.jsonl`.

Paragraphs come from Python's own and installed packages' docstrings, from manuals in many languages and from the
translations of programs; code from the sources of the same packages. Each is taken once into the pool, and drawn at
random from it: a file larger than the pool repeats paragraphs, not chats. What is on a machine decides the text, so
figures of two machines are not those of one corpus.

Chats: OpenAI `messages`; 1, 2, 3, 4 or 6 turns; a system prompt in 35 %; answers of 1 to 8 paragraphs; a block of code
in 16 %; 9 % in other languages; 0.5 % exact copies and 1 % copies with 8 % of the last answer's words changed.
"""

import ast
import gettext
import gzip
import json
import random
import re
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

MAN = Path("/usr/share/man")
LOCALES = Path("/usr/share/locale")
PROSE, CODE, OTHER = 40_000_000, 12_000_000, 6_000_000  # characters of the pool
TURNS, TURN_WEIGHTS = (1, 2, 3, 4, 6), (62, 19, 9, 7, 3)
SYSTEM, CODE_SHARE, OTHER_SHARE, COPIES, EDITED = 0.35, 0.16, 0.09, 0.005, 0.01


class Pool:
    """Paragraphs by kind, each once."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self.code: list[str] = []
        self.prose = self._taken(self._prose(), PROSE, 60, 1600)
        self.code = self._taken(iter(self.code), CODE, 60, 2500)
        self.other = self._taken(_translations(), OTHER, 30, 1600)

    def _taken(self, texts: Iterator[str], characters: int, shortest: int, longest: int) -> list[str]:
        seen: dict[str, None] = {}
        for text in texts:
            if shortest <= len(text) <= longest and text not in seen:
                seen[text] = None
                characters -= len(text)
            if characters < 0:
                break
        return list(seen)

    def _prose(self) -> Iterator[str]:
        for manual in sorted(MAN.glob("man*/*.gz")):
            yield from _manual(manual)
        roots = sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")
        paths = sorted({path for root in roots for path in Path(root).rglob("*.py")})
        self._random.shuffle(paths)
        for path in paths:
            docstrings, code = _source(path)
            self.code += code
            yield from docstrings


def _source(path: Path) -> tuple[list[str], list[str]]:
    """Paragraphs of the docstrings, and functions, of a module."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return [], []
    prose, code = [], []
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (found := ast.get_docstring(node)):
            prose += [" ".join(part.split()) for part in found.split("\n\n")]
        if isinstance(node, ast.FunctionDef):
            code.append("\n".join(text.split("\n")[node.lineno - 1 : node.end_lineno]))
    return prose, code


def _manual(path: Path) -> Iterator[str]:
    """Paragraphs of a manual page, without its macros."""
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return
    for part in re.split(r"\n\.[^\n]*", text):
        yield " ".join(re.sub(r"\\f.|\\", "", part).split())


def _translations() -> Iterator[str]:
    """Translated messages of programs and manuals in other languages, language by language in turn."""
    files = sorted(LOCALES.glob("*/LC_MESSAGES/*.mo"), key=lambda path: (path.name, path.parts))
    for path in files:
        try:
            with path.open("rb") as file:
                catalog = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        except (OSError, ValueError, UnicodeDecodeError):
            continue
        yield from (text for key, text in catalog.items() if key and text != key)


def chats(pool: Pool, size: int, seed: int = 1) -> Iterator[str]:
    """JSON lines of about `size` bytes in all."""
    rng = random.Random(seed)
    recent: list[list[dict[str, str]]] = []
    while size > 0:
        draw = rng.random()
        if recent and draw < COPIES:
            messages = rng.choice(recent)
        elif recent and draw < COPIES + EDITED:
            messages = _edited(rng.choice(recent), rng, pool)
        else:
            messages = _chat(rng, pool)
        if len(recent) < 2000:
            recent.append(messages)
        else:
            recent[rng.randrange(2000)] = messages
        line = json.dumps({"messages": messages}, ensure_ascii=False)
        size -= len(line.encode()) + 1
        yield line + "\n"


def _chat(rng: random.Random, pool: Pool) -> list[dict[str, str]]:
    texts = pool.other if rng.random() < OTHER_SHARE else pool.prose
    messages = []
    if rng.random() < SYSTEM:
        messages.append({"role": "system", "content": rng.choice(pool.prose)[:300]})
    code = rng.random() < CODE_SHARE
    for turn in range(rng.choices(TURNS, TURN_WEIGHTS)[0]):
        answer = [rng.choice(texts) for _ in range(max(1, min(8, round(rng.lognormvariate(0.2, 0.7)))))]
        if code and not turn and pool.code:
            answer.insert(rng.randint(0, len(answer)), f"```python\n{rng.choice(pool.code)}\n```")
        messages += [
            {"role": "user", "content": rng.choice(texts)[:400]},
            {"role": "assistant", "content": "\n\n".join(answer)},
        ]
    return messages


def _edited(messages: list[dict[str, str]], rng: random.Random, pool: Pool) -> list[dict[str, str]]:
    words = messages[-1]["content"].split(" ")
    for place in rng.sample(range(len(words)), k=max(1, len(words) * 8 // 100)):
        words[place] = rng.choice(rng.choice(pool.prose).split())
    return [*messages[:-1], {**messages[-1], "content": " ".join(words)}]


def write(path: Path, megabytes: int) -> None:
    """The corpus as a file, whole or not at all."""
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(chats(Pool(), megabytes * 1_000_000))
    partial.replace(path)


if __name__ == "__main__":
    write(Path(sys.argv[2]), int(sys.argv[1]))
