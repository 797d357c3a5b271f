"""A second look, by Microsoft's Presidio, at the examples that the built-in scan flagged: more kinds, and much slower.

It works by patterns, check digits and the words around a match, without a model: nothing is downloaded, and names of
people and places are not looked for.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from webapp.datasets.examples import Example, Examples
from webapp.datasets.marks import FIRST_LINES
from webapp.datasets.pieces import pieces_of
from webapp.datasets.records import Conversation
from webapp.datasets.report import PrivacyHits
from webapp.datasets.shapes import order_of
from webapp.errors import Problem

# Presidio reads about 0.3 MB/s, and more slowly the longer a text is.
MAX_EXAMPLES, MAX_CHARACTERS = 1000, 20_000
MIN_SCORE = 0.4
_LANGUAGE = "en"
# What needs a model; what is no personal data by itself; and the addresses that the built-in scan finds, for which
# Presidio would fetch the list of domains.
_LEFT_OUT = frozenset({"SpacyRecognizer", "DateRecognizer", "UrlRecognizer", "UuidRecognizer", "EmailRecognizer"})

Search = Callable[[str], Iterable[str]]


class SecondLook(msgspec.Struct, frozen=True):
    """What was found by kind, in Presidio's words; where and how often, never what.

    `flagged` examples hold personal data or secrets by the built-in scan, and the first `looked_at` of them, at most
    1,000, were searched; of `cut` texts only the first 20,000 characters.
    """

    flagged: int
    looked_at: int
    cut: int
    kinds: dict[str, PrivacyHits]


def second_look(examples: Examples, search: Search, max_examples: int = MAX_EXAMPLES) -> SecondLook:
    """Searches the flagged examples, at most `max_examples`; `search` gives the kinds that are in a text, each hit."""
    flagged = _flagged(examples)
    counts: Counter[str] = Counter()
    lines: dict[str, list[int]] = {}
    cut = 0
    for example in _at(examples, flagged[:max_examples]):
        texts = list(_texts(example))
        cut += sum(len(text) > MAX_CHARACTERS for text in texts)
        found = Counter(kind for text in texts for kind in search(text[:MAX_CHARACTERS]))
        counts += found
        for kind in found:
            lines.setdefault(kind, []).append(example.line)
    kinds = {kind: PrivacyHits(counts[kind], len(lines[kind]), lines[kind][:FIRST_LINES]) for kind in sorted(counts)}
    return SecondLook(len(flagged), min(len(flagged), max_examples), cut, kinds)


def presidio_search() -> Search:
    """Presidio's recognisers of patterns for English. Raises Problem `presidio_not_installed`."""
    try:
        import spacy
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
        from presidio_analyzer.nlp_engine import SpacyNlpEngine
    except ImportError as error:
        raise Problem(
            "presidio_not_installed",
            "--presidio needs the extra: pip install 'tunebook[presidio]'.",
            status=501,
            param="presidio",
        ) from error
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)  # it tells of every recogniser
    words = SpacyNlpEngine()
    words.nlp = {_LANGUAGE: spacy.blank(_LANGUAGE)}
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=[_LANGUAGE])
    for name in _LEFT_OUT:
        registry.remove_recognizer(name)
    engine: Any = AnalyzerEngine(registry=registry, nlp_engine=words, supported_languages=[_LANGUAGE])

    def search(text: str) -> Iterator[str]:
        found = engine.analyze(text, language=_LANGUAGE, score_threshold=MIN_SCORE)
        return (hit.entity_type.lower() for hit in found)

    return search


def _flagged(examples: Examples) -> npt.NDArray[np.int64]:
    """The indices, rising, of the examples with personal data or secrets."""
    marked = examples.marked()
    lines = np.union1d(marked.lines("personal_data"), marked.lines("secrets"))
    return np.searchsorted(examples.column("line"), lines)


def _at(examples: Examples, indices: npt.NDArray[np.int64]) -> Iterator[Example]:
    for index in indices.tolist():
        yield from examples.page(index + 1, 1)


def _texts(example: Example) -> Iterator[str]:
    """Every text that a model would read."""
    conversation = msgspec.convert({"messages": example.messages, "tools": example.tools}, Conversation)
    return (text for _, text in pieces_of(conversation, order_of(conversation)))
