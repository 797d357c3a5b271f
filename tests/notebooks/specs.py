"""A specification that takes no dataset to make."""

from webapp.catalog import find_gpu, find_model
from webapp.notebooks import Embedded, NotebookSpec, TrainingConfig

T4 = find_gpu("t4")
SMALL = NotebookSpec(
    find_model("smollm2-360m"), T4, T4, TrainingConfig(), "x.jsonl", 12, "0" * 64, Embedded(b"payload")
)
