"""Which languages the examples are in, told from a sample of them by py3langid (139 languages)."""

import heapq
from collections import Counter
from hashlib import blake2b

from webapp.datasets.records import Conversation
from webapp.datasets.report import Languages

SAMPLE_EXAMPLES = 2000
SAMPLE_CHARACTERS = 400
LEAST_LETTERS = 20
# Codes of one language that other libraries and older standards tell apart, and py3langid's own variants.
_MERGED = {"no": "nb", "nn": "nb", "iw": "he", "hbo": "he", "zh-cn": "zh", "zh-tw": "zh", "uzs": "uz", "arz": "ar"}
_NO_LANGUAGE = "zxx"  # ISO 639: no linguistic content


class LanguageSample:
    """The examples whose lines have the smallest hashes: the same ones in whatever order lines are added."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []

    def add(self, conversation: Conversation, line: int) -> None:
        """Takes the example on `line` into the sample, if it belongs there."""
        # Negative: the heap's first is the one to drop.
        priority = -int.from_bytes(blake2b(line.to_bytes(8, "big"), digest_size=8).digest(), "big")
        if len(self._heap) < SAMPLE_EXAMPLES:
            heapq.heappush(self._heap, (priority, _text(conversation)))
        elif priority > self._heap[0][0]:
            heapq.heapreplace(self._heap, (priority, _text(conversation)))

    def report(self) -> Languages:
        """Shares of the sampled examples whose language can be told."""
        told = Counter(language for _, text in self._heap if (language := _language(text)))
        sampled = told.total()
        return Languages(sampled, {language: round(count / sampled, 4) for language, count in _ranked(told)})


def _ranked(told: Counter[str]) -> list[tuple[str, int]]:
    return sorted(told.items(), key=lambda item: (-item[1], item[0]))


def _text(conversation: Conversation) -> str:
    """The first characters that user and assistant say."""
    text = ""
    for message in conversation.messages:
        if message.role in {"user", "assistant"} and len(text) < SAMPLE_CHARACTERS:
            text += message.content[:SAMPLE_CHARACTERS] + " "
    return text[:SAMPLE_CHARACTERS].replace("\n", " ")


def _language(text: str) -> str | None:
    """The ISO 639 code; None for a text too short to tell, and for one that is in no language."""
    if sum(map(str.isalpha, text)) < LEAST_LETTERS:
        return None
    # Not at the top: the model takes half a second and 130 MB, and whoever only reads reports does without it.
    from py3langid import classify

    code = classify(text)[0]
    return None if code == _NO_LANGUAGE else _MERGED.get(code, code)
