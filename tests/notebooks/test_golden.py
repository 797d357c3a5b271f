"""A golden notebook per method, to be read in the diff: the template's own cells, a name in the place of each module.

`make golden` writes them anew.
"""

import sys
from pathlib import Path

import pytest

from tests.notebooks.specs import T4
from webapp.catalog import find_model
from webapp.notebooks import NotebookSpec, TrainingConfig, render, rendering
from webapp.notebooks.delivery import Embedded, Fetched
from webapp.notebooks.literals import Raw
from webapp.notebooks.script import to_script

FOLDER = Path(__file__).with_name("golden")
BY_LINK = Fetched("bikes.data.jsonl.gz", 6_000_000, "1" * 64, "https://tunebook.example/data/token/bikes.jsonl.gz")
# Between them they have every condition of the template: a gated model, rows by link, rows in ciphertext.
CASES = {
    "lora": ("smollm2-360m", Embedded(b"payload")),
    "qlora": ("llama-3.2-1b", BY_LINK),
    "full": ("gemma-3-270m", Embedded(b"ciphertext", "a2V5" * 10 + "a2U=")),
}


def golden(method: str) -> str:
    """The notebook of a method as a script, the training modules left out."""
    model, delivery = CASES[method]
    config = TrainingConfig(method=method)  # type: ignore[arg-type]
    spec = NotebookSpec(find_model(model), T4, T4, config, "bikes.jsonl", 300, "0" * 64, delivery)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rendering, "module_source", lambda name: Raw(f"# the source of webapp/training/{name}.py"))
        return to_script(render(spec)).decode()


@pytest.mark.parametrize("method", CASES)
def test_the_notebook_is_the_one_that_was_looked_at(method: str) -> None:
    assert golden(method) == (FOLDER / f"{method}.txt").read_text(encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        (FOLDER / f"{name}.txt").write_text(golden(name), encoding="utf-8")
