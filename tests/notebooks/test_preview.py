"""A notebook for a page: prose and code, and nothing of either runs."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from webapp.notebooks.preview import FIRST_LINES, highlighted, preview, prose


@pytest.fixture
def notebook(tmp_path):
    """Writes a notebook of these cells."""

    def write(*cells):
        nbformat.write(new_notebook(cells=list(cells)), tmp_path / "n.ipynb")
        return tmp_path / "n.ipynb"

    return write


def test_cells_come_in_their_order_and_code_is_counted(notebook):
    path = notebook(new_markdown_cell("# Title"), new_code_cell("a = 1"), new_code_cell("b = 2"))
    cells = preview(path)
    assert [(cell.kind, cell.number) for cell in cells] == [("prose", 0), ("code", 1), ("code", 2)]
    assert "<h1>Title</h1>" in cells[0].html


def test_of_a_long_cell_the_beginning_is_shown_and_all_of_one(notebook):
    code = "\n".join(f"line_{number} = {number}" for number in range(100))
    path = notebook(new_code_cell(code), new_code_cell(code))
    first, second = preview(path, whole=2)
    assert (first.left_out, second.left_out) == (100 - FIRST_LINES, 0)
    assert "line_99" not in first.html
    assert "line_99" in second.html


def test_the_rows_in_a_notebook_are_cut(notebook):
    (cell,) = preview(notebook(new_code_cell(f"data = '{'A' * 5_000_000}'")))
    assert len(cell.html) < 1000
    assert "4,999,889 more characters" in cell.html


def test_code_is_coloured_and_stays_the_same_text():
    shown = highlighted("def f(x):  # why\n    return 'a' < x")
    assert '<span class="keyword">def</span>' in shown
    assert '<span class="comment"># why</span>' in shown
    assert "<span class=\"string\">'a'</span> &lt; x" in shown


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))",
        "[a](data:text/html;base64,PHNjcmlwdD4=)",
        "![a](https://evil.example/x.png)",
        "[a]: javascript:alert(1)\n\n[a]",
        "<a href='javascript:alert(1)'>a</a>",
        "`</code><script>alert(1)</script>`",
    ],
)
def test_nothing_in_prose_or_code_becomes_active(hostile):
    for shown in (prose(hostile), highlighted(hostile)):
        for active in ("<script", "<img", 'href="javascript', 'href="data', "<a href='"):
            assert active not in shown
