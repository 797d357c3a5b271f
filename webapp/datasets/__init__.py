"""Datasets: what a conversation is, and what there is to know about a file of them.

Knows no web framework, no database and no model library, and can be used from a script.
"""

from pathlib import Path

from webapp.datasets.analysis import analyze
from webapp.datasets.bad_line_list import BadLines, ShownLine, bad_lines, first_bad_lines
from webapp.datasets.clusters import SizeRange, cluster_sizes
from webapp.datasets.detection import checked_mapping
from webapp.datasets.engines import in_processes, in_this_process, on_ray, suited_to
from webapp.datasets.examples import LINES, Example, Examples, ExampleWriter
from webapp.datasets.faults import FIXES
from webapp.datasets.formats import PARTS, Part
from webapp.datasets.line_lists import all_lines, lines_of
from webapp.datasets.near_duplicates import NEAR_THRESHOLD
from webapp.datasets.openai_tokenizer import ENCODINGS, OpenAITokenizer
from webapp.datasets.own_tokenizer import OwnTokenizer, open_tokenizer
from webapp.datasets.quality import MIN_TRAIN_EXAMPLES
from webapp.datasets.reading import MAX_LINE_BYTES
from webapp.datasets.report import Analysis
from webapp.datasets.tokens import LearnedTexts, TokenBatch, Tokenizer

__all__ = [
    "ENCODINGS",
    "FIXES",
    "LINES",
    "MAX_LINE_BYTES",
    "MIN_TRAIN_EXAMPLES",
    "NEAR_THRESHOLD",
    "PARTS",
    "Analysis",
    "BadLines",
    "Example",
    "ExampleWriter",
    "Examples",
    "LearnedTexts",
    "OpenAITokenizer",
    "OwnTokenizer",
    "Part",
    "ShownLine",
    "SizeRange",
    "TokenBatch",
    "Tokenizer",
    "all_lines",
    "analyze",
    "bad_lines",
    "checked_mapping",
    "cluster_sizes",
    "first_bad_lines",
    "in_processes",
    "in_this_process",
    "lines_of",
    "on_ray",
    "open_tokenizer",
    "sample_path",
    "suited_to",
]


def sample_path() -> Path:
    """The bundled sample: support conversations of a bicycle hire."""
    return Path(__file__).with_name("samples") / "harbour_bikes.jsonl"
