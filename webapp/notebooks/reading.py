"""What a rendered notebook says of itself: its model, its parameters and its data, read without running it."""

import ast
import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import nbformat

from webapp.catalog import BaseModel, find_model
from webapp.errors import Problem
from webapp.notebooks.spec import chat_format
from webapp.training.data import Conversation, decode_conversations, decrypt_payload, read_data_file
from webapp.training.families import Family, family_from


@dataclass(frozen=True)
class NotebookContents:
    """The model, how many code cells there are, and the literals of the `parameters` and `data` cells.

    `gpu` is the card it was planned for, `colab_gpu` the one to ask Colab for; `own_format` is the chat format of a
    model that the catalogue does not have.
    """

    model: BaseModel
    own_format: Family | None
    code_cells: int
    parameters: dict[str, Any]
    data: dict[str, Any]
    gpu: str = "t4"
    colab_gpu: str = "T4"

    @property
    def family(self) -> Family:
        """The chat format that its rows are written in."""
        return chat_format(self.model, self.own_format)

    @property
    def data_file(self) -> str | None:
        """The name of the file that the rows are; None when the notebook carries them."""
        name: str | None = self.data.get("dataset_file")
        return name

    def conversations(self, data_file: Path | None = None) -> list[Conversation]:
        """The rows, those of a file from `data_file`, by the code of the notebook itself.

        Raises Problem `rows_missing` without that file, `key_missing`, or `rows_damaged` when they are not what the
        notebook expects.
        """
        data = self.data
        try:
            if self.data_file is None:
                payload = base64.b64decode(data["dataset_base64"])
            elif data_file is None or not data_file.is_file():
                raise Problem(
                    "rows_missing",
                    f"The rows of this notebook are a file of their own: put {self.data_file} beside it.",
                    param="notebook",
                )
            else:
                size, sha256 = data["dataset_file_bytes"], data["dataset_file_sha256"]
                payload = read_data_file(str(data_file), self.data_file, None, size, sha256)
            if data.get("dataset_key") == "":
                raise Problem(
                    "key_missing",
                    "The key of the rows is not in this notebook: write it into its data cell, as dataset_key.",
                    param="notebook",
                )
            if "dataset_key" in data:
                payload = decrypt_payload(payload, data["dataset_key"])
            return decode_conversations(payload, data["dataset_sha256"])
        except (EOFError, KeyError, OSError, TypeError, ValueError, zlib.error) as error:
            raise Problem("rows_damaged", f"The rows of this notebook cannot be used: {error}.") from error


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


def _model(written: Mapping[str, Any]) -> tuple[BaseModel, Family | None]:
    """The catalogue's model, or another one and its format as the notebook describes them."""
    if "model" in written:
        return msgspec.convert(written["model"], BaseModel), family_from(written["chat_format"])
    return find_model(written["model_id"]), None


def read_notebook(path: Path) -> NotebookContents:
    """The contents of a notebook that Tunebook rendered; Problem `not_a_tunebook` for any other file."""
    try:
        notebook = nbformat.read(path, as_version=4)
        model, own_format = _model(notebook.metadata["tunebook"])
        return NotebookContents(
            model=model,
            own_format=own_format,
            code_cells=sum(cell.cell_type == "code" for cell in notebook.cells),
            parameters=_literals(notebook, "parameters"),
            data=_literals(notebook, "data"),
            gpu=notebook.metadata["tunebook"].get("gpu", "t4"),
            colab_gpu=notebook.metadata.get("colab", {}).get("gpuType", "T4"),
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


def with_progress(notebook: bytes, url: str, token: str) -> bytes:
    """The notebook with an address to report to, and its token, among its parameters."""
    for name, value in (("progress_url", url), ("progress_token", token)):
        empty, given = (json.dumps(f"{name} = {literal}")[1:-1] for literal in ('""', ascii(value)))
        notebook = notebook.replace(empty.encode(), given.encode(), 1)
    return notebook


def without_key(notebook: bytes) -> tuple[bytes, str]:
    """A notebook of encrypted rows that will ask for their key, and the key."""
    key = _literals(nbformat.reads(notebook.decode("utf-8"), as_version=4), "data")["dataset_key"]
    return notebook.replace(key.encode("ascii"), b""), key
