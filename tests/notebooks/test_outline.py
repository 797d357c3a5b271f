"""The code cells of a notebook by their headings."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from webapp.notebooks.outline import INJECTED, dry_run_outline, outline


def written(tmp_path, *cells):
    path = tmp_path / "n.ipynb"
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


def code(tag):
    return new_code_cell("1", metadata={"tags": [tag]})


def test_cells_are_called_by_their_heading_or_their_tag(tmp_path):
    path = written(
        tmp_path,
        new_markdown_cell("# Fine-tune it\n\nWords"),
        code("parameters"),
        new_markdown_cell("## Where it is kept\n\nWords"),
        code("drive"),
        new_markdown_cell("Words"),
        code("some_split"),
    )
    found = [(cell.number, cell.tag, cell.title) for cell in outline(path)]
    assert found == [(1, "parameters", "Parameters"), (2, "drive", "Where it is kept"), (3, "some_split", "Some split")]


def test_a_dry_run_has_one_cell_more(tmp_path):
    path = written(tmp_path, code("parameters"), code("train"))
    assert [cell.tag for cell in dry_run_outline(path)] == ["parameters", INJECTED, "train"]
    assert [cell.number for cell in dry_run_outline(path)] == [1, 0, 2]
