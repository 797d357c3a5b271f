"""A notebook as a page shows it: its prose as HTML, its code with the few colours that help to read it."""

import html
from itertools import count, groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

import nbformat
from markdown_it import MarkdownIt
from pygments import lex
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Number, String, _TokenType

# Cells are hundreds of lines: a page of them all would weigh more than the notebook.
FIRST_LINES = 16
# Rows that a notebook carries are a literal of megabytes.
_LONGEST_LINE, _SHOWN_OF_LONGER = 400, 120
# Named and numbered elements only: a class for every kind of token would triple the page.
_CLASSES = {Keyword: "keyword", String: "string", Comment: "comment", Number: "number"}


class PreviewCell(NamedTuple):
    """A cell; `html` is safe to put into a page. Code cells are counted from 1 by `number`, prose has 0.

    `left_out` are the lines of code that are not shown.
    """

    kind: Literal["prose", "code"]
    html: str
    number: int = 0
    left_out: int = 0


def preview(notebook: Path, whole: int = 0) -> list[PreviewCell]:
    """The cells of a notebook in their order; of code the first lines, but all of the code cell number `whole`.

    Lines that are too long for a page are cut in any cell.
    """
    content: Any = nbformat.read(notebook, as_version=4)
    cells: list[PreviewCell] = []
    numbers = count(1)
    for cell in content.cells:
        if cell.cell_type == "code":
            cells.append(_code(cell.source, next(numbers), whole))
        elif cell.cell_type == "markdown":
            cells.append(PreviewCell("prose", prose(cell.source)))
    return cells


def _code(source: str, number: int, whole: int) -> PreviewCell:
    lines = source.split("\n")
    shown = lines if number == whole else lines[:FIRST_LINES]
    return PreviewCell("code", highlighted("\n".join(map(_short, shown))), number, len(lines) - len(shown))


def prose(markdown: str) -> str:
    """Markdown as HTML; HTML in it is text, and links lead nowhere but to the web (markdown-it sees to both)."""
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    return str(renderer.render(markdown))


def highlighted(code: str) -> str:
    """Python as HTML, its keywords, texts, comments and numbers in spans of these classes."""
    pieces = []
    for name, tokens in groupby(
        lex(code, PythonLexer(stripnl=False, ensurenl=False)), key=lambda token: _class(token[0])
    ):
        text = html.escape("".join(value for _, value in tokens), quote=False)
        pieces.append(f'<span class="{name}">{text}</span>' if name else text)
    return "".join(pieces)


def _class(kind: _TokenType) -> str:
    return next((name for family, name in _CLASSES.items() if kind in family), "")


def _short(line: str) -> str:
    if len(line) <= _LONGEST_LINE:
        return line
    return f"{line[:_SHOWN_OF_LONGER]}…  # {len(line) - _SHOWN_OF_LONGER:,} more characters"
