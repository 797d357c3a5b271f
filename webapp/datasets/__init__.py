"""Datasets: what a conversation is, and what there is to know about a file of them.

Knows no web framework, no database and no model library, and can be used from a script.
"""

from pathlib import Path

from webapp.datasets.analysis import analyze
from webapp.datasets.detection import checked_mapping
from webapp.datasets.examples import MAX_EMBEDDED_BYTES, Example, Examples, ExampleWriter
from webapp.datasets.faults import FIXES
from webapp.datasets.formats import PARTS, Part
from webapp.datasets.near_duplicates import NEAR_THRESHOLD
from webapp.datasets.o200k import O200kTokenizer
from webapp.datasets.quality import MIN_TRAIN_EXAMPLES
from webapp.datasets.reading import MAX_LINE_BYTES
from webapp.datasets.report import Analysis
from webapp.datasets.tokens import TokenBatch, Tokenizer

__all__ = [
    "FIXES",
    "MAX_EMBEDDED_BYTES",
    "MAX_LINE_BYTES",
    "MIN_TRAIN_EXAMPLES",
    "NEAR_THRESHOLD",
    "PARTS",
    "Analysis",
    "Example",
    "ExampleWriter",
    "Examples",
    "O200kTokenizer",
    "Part",
    "TokenBatch",
    "Tokenizer",
    "analyze",
    "checked_mapping",
    "sample_path",
]


def sample_path() -> Path:
    """The bundled sample: support conversations of a bicycle hire."""
    return Path(__file__).with_name("samples") / "harbour_bikes.jsonl"
