"""Parameters by papermill's convention: the cell `injected-parameters` after the one tagged `parameters`."""

import keyword
import math
from collections.abc import Mapping

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from webapp.errors import Problem

_TAG, _INJECTED = "parameters", "injected-parameters"


def inject(notebook: NotebookNode, parameters: Mapping[str, object]) -> None:
    """Sets `parameters` in a new cell right after the tagged one, replacing the cell of an earlier run.

    Raises Problem `no_parameters_cell`; TypeError for a value that is not None, bool, int, finite float, str
    or a list of these; ValueError for a name that Python would not take.
    """
    if not parameters:
        return
    notebook.cells = [cell for cell in notebook.cells if not _tagged(cell, _INJECTED)]
    at = next((index for index, cell in enumerate(notebook.cells) if _tagged(cell, _TAG)), None)
    if at is None:
        raise Problem("no_parameters_cell", "The notebook has no cell tagged `parameters` to set values after.")
    cell = new_code_cell(_assignments(parameters), id=_INJECTED, metadata={"tags": [_INJECTED]})
    if notebook.nbformat_minor < 5:
        del cell["id"]  # cells have ids from format 4.5 on
    notebook.cells.insert(at + 1, cell)


def literal(value: object) -> str:
    """`value` as a Python literal: inert data, whatever it holds."""
    # By exact type: a subclass may bring its own repr.
    if type(value) is list:
        return f"[{', '.join(literal(item) for item in value)}]"
    if value is None or type(value) in (str, int, bool) or (type(value) is float and math.isfinite(value)):
        return repr(value)
    raise TypeError(f"a notebook parameter cannot be {value!r}")


def _assignments(parameters: Mapping[str, object]) -> str:
    lines = ["# Parameters of this run"]
    for name, value in parameters.items():
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"{name!r} is not the name of a notebook parameter")
        lines.append(f"{name} = {literal(value)}")
    return "\n".join(lines)


def _tagged(cell: NotebookNode, tag: str) -> bool:
    return cell.cell_type == "code" and tag in cell.metadata.get("tags", [])
