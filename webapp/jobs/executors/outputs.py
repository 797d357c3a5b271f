"""Tidies what a notebook printed, once its run is over."""

from nbformat import NotebookNode


def tidy(notebook: NotebookNode) -> None:
    """Joins pieces of text that follow each other; of a line that was written over, the last state stays.

    Ours, because nbclient's own (`coalesce_streams`) takes hours over a line of a million characters. Only at
    the end, because nbclient finds displays that are still updated by their place among the outputs.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if output.output_type == "stream" and last is not None and last.get("name") == output.name:
            last.text += output.text
        else:
            joined.append(output)
    for output in joined:
        if output.output_type == "stream":
            output.text = "\n".join(map(_last_state, output.text.split("\n")))
    return joined


def _last_state(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]
