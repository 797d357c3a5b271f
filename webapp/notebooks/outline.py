"""The code cells of a notebook by their headings: what a run of it goes through."""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
INJECTED = "injected-parameters"


class CodeCell(NamedTuple):
    """A code cell: its place among them from 1, as in the preview, its tag, and its title by its heading or its tag."""

    number: int
    tag: str
    title: str


@lru_cache(maxsize=256)
def outline(notebook: Path) -> tuple[CodeCell, ...]:
    """The code cells of a notebook that Tunebook rendered, in their order; a notebook that is kept never changes.

    It is read as JSON alone: to check its form would take a page longer than everything else on it.
    """
    cells: list[CodeCell] = []
    heading = None
    for cell in json.loads(notebook.read_bytes())["cells"]:
        if cell["cell_type"] == "markdown":
            found = _HEADING.findall("".join(cell["source"]))  # one text, or lines
            heading = found[-1] if found else heading
        elif cell["cell_type"] == "code":
            tag = next(iter(cell["metadata"].get("tags", [])), "")
            cells.append(CodeCell(len(cells) + 1, tag, heading or tag.capitalize().replace("_", " ")))
            heading = None
    return tuple(cells)


def dry_run_outline(notebook: Path) -> tuple[CodeCell, ...]:
    """The same with the cell that a dry run adds, which the preview does not have: its number is 0."""
    added = CodeCell(0, INJECTED, "Values of the dry run")
    return tuple(
        found for cell in outline(notebook) for found in ((cell, added) if cell.tag == "parameters" else (cell,))
    )
