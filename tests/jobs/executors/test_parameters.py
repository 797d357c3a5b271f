"""Parameters in a notebook: where they go, and that whatever they hold stays data."""

import ast

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook

from webapp.errors import Problem
from webapp.jobs.executors.parameters import inject, literal


def a_notebook(*cells):
    return new_notebook(cells=[new_code_cell("steps = 1", metadata={"tags": ["parameters"]}), *cells])


def injected(notebook):
    return [
        (index, cell)
        for index, cell in enumerate(notebook.cells)
        if "injected-parameters" in cell.metadata.get("tags", [])
    ]


def test_they_follow_the_cell_tagged_parameters():
    notebook = a_notebook(new_code_cell("print(steps)"))
    inject(notebook, {"steps": 5, "name": "it's"})
    ((index, cell),) = injected(notebook)
    assert (index, cell.source.splitlines()[1:]) == (1, ["steps = 5", 'name = "it\'s"'])
    nbformat.validate(notebook)


def test_those_of_an_earlier_run_are_replaced():
    notebook = a_notebook()
    inject(notebook, {"steps": 5})
    inject(notebook, {"steps": 6})
    assert [cell.source.splitlines()[1:] for _, cell in injected(notebook)] == [["steps = 6"]]


def test_without_any_the_notebook_stays_as_it_is():
    notebook = a_notebook()
    inject(notebook, {})
    assert len(notebook.cells) == 1


def test_a_notebook_without_the_tagged_cell_is_refused():
    with pytest.raises(Problem) as caught:
        inject(new_notebook(cells=[new_code_cell("steps = 1")]), {"steps": 5})
    assert caught.value.code == "no_parameters_cell"


def test_an_older_notebook_stays_valid():
    notebook = a_notebook()
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        del cell["id"]
    inject(notebook, {"steps": 5})
    nbformat.validate(notebook)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None)),
    st.lists,
)


@given(values)
def test_every_value_comes_back_as_it_was(value):
    assert ast.literal_eval(literal(value)) == value


@given(st.text(st.characters(codec=None)))
def test_no_text_gets_out_of_its_quotes(text):
    notebook = a_notebook()
    inject(notebook, {"text": text})
    (assignment,) = ast.parse(injected(notebook)[0][1].source).body
    assert isinstance(assignment, ast.Assign)
    assert assignment.value.value == text


class Sly(str):
    """A string whose literal is code."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "__import__('os').abort()"


@pytest.mark.parametrize(
    "value", [Sly("x"), {"a": 1}, (1,), {1}, b"x", object(), float("nan"), float("inf"), [1, Sly("x")]]
)
def test_anything_else_is_refused(value):
    with pytest.raises(TypeError):
        literal(value)


@pytest.mark.parametrize("name", ["", "a b", "import", "a;b", "x = 1 #", "None"])
def test_a_name_must_be_a_name(name):
    with pytest.raises(ValueError, match="not the name"):
        inject(a_notebook(), {name: 1})
