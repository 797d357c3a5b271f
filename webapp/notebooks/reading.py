"""What a rendered notebook says of itself: its model, its parameters and its data, read without running it."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from webapp.catalog import BaseModel, find_model
from webapp.errors import Problem
from webapp.training.data import Conversation, decode_conversations


@dataclass(frozen=True)
class NotebookContents:
    """The catalogue's model, how many code cells there are, the `parameters` cell's literals, the embedded rows."""

    model: BaseModel
    code_cells: int
    parameters: dict[str, Any]
    conversations: list[Conversation]


def _literals(notebook: Any, tag: str) -> dict[str, Any]:
    """The assignments of literals in the cell with `tag`."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and tag in cell.metadata.get("tags", []):
            return {
                target.id: ast.literal_eval(node.value)
                for node in ast.parse(cell.source).body
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
    raise ValueError(f"no cell is tagged {tag!r}")


def read_notebook(path: Path) -> NotebookContents:
    """The contents of a notebook that Tunebook rendered; Problem `not_a_tunebook` for any other file."""
    try:
        notebook = nbformat.read(path, as_version=4)
        data = _literals(notebook, "data")
        return NotebookContents(
            model=find_model(notebook.metadata["tunebook"]["model_id"]),
            code_cells=sum(cell.cell_type == "code" for cell in notebook.cells),
            parameters=_literals(notebook, "parameters"),
            conversations=decode_conversations(data["dataset_gzip_base64"], data["dataset_sha256"]),
        )
    except OSError as error:
        raise Problem("notebook_unreadable", f"{path} cannot be read: {error.strerror}", param="notebook") from error
    except (
        AttributeError,
        KeyError,
        SyntaxError,
        ValueError,
        nbformat.ValidationError,
        nbformat.reader.NotJSONError,
    ) as error:
        raise Problem(
            "not_a_tunebook",
            f"{path.name} is not a notebook made by Tunebook: {error}. Make one with `tunebook notebook`.",
            param="notebook",
        ) from error
