"""The same run as a plain script: a rendered notebook in percent format, which editors show as cells again."""

import json
import re
from collections.abc import Iterator
from typing import Any

# The rules of this project that cells in one file cannot keep.
RELAXED = {
    "E402": "each cell imports what it needs",
    "E501": "embedded rows and prose stand on long lines",
    "F811": "a later cell imports a name again",
    "I001": "imports are sorted by cell",
    "S311": "a shuffle is no secret",
    "T201": "a notebook prints",
}
HEAD = [
    "# Made by Tunebook: a notebook as a plain script. Its parameters are in the first code cell; run it with Python.",
    *(f"# ruff: noqa: {code}  # {reason}" for code, reason in RELAXED.items()),
    "",
]


def to_script(notebook: bytes) -> bytes:
    """A notebook as UTF-8 Python in percent format: the same cells in the same order, tags kept, prose as comments."""
    written = json.loads(notebook)
    return "\n".join([*HEAD, *_cells(written["cells"])]).encode("utf-8")


def _cells(cells: list[dict[str, Any]]) -> Iterator[str]:
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield "# %% [markdown]"
            yield from (f"# {line}".rstrip() for line in _comment(source).split("\n"))
        else:
            tags = cell["metadata"].get("tags")
            yield f"# %% tags={json.dumps(tags)}" if tags else "# %%"
            yield source
        yield ""


def _comment(prose: str) -> str:
    """Prose without what would end a comment or the file early, or begin a cell."""
    lines = re.sub(r"\r\n?", "\n", prose).replace("\x00", "\ufffd").replace("\f", " ")
    return re.sub(r"^(\s*)%%", r"\1\\%%", lines, flags=re.MULTILINE)
