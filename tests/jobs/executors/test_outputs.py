"""Printed text in an executed notebook: joined, and as a terminal would show it."""

import time

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from webapp.jobs.executors.outputs import tidy


def tidied(*outputs):
    notebook = new_notebook(cells=[new_code_cell("x", outputs=list(outputs))])
    tidy(notebook)
    return [(output.get("name"), output.get("text")) for output in notebook.cells[0].outputs]


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def test_pieces_that_follow_each_other_become_one():
    assert tidied(stream("a"), stream("b\n"), stream("c")) == [("stdout", "ab\nc")]


def test_other_outputs_stay_where_they_are():
    display = new_output("display_data", data={"text/plain": "x"})
    outputs = [stream("a"), display, stream("b"), stream("c", "stderr"), stream("d")]
    assert tidied(*outputs) == [
        ("stdout", "a"),
        (None, None),
        ("stdout", "b"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10%\r20%\r100%\ndone\n", "100%\ndone\n"),
        ("10%\r", "10%"),
        ("windows\r\nlines\r\n", "windows\nlines\n"),
        ("\n\n", "\n\n"),
    ],
)
def test_of_a_line_written_over_the_last_state_stays(text, shown):
    assert tidied(stream(text)) == [("stdout", shown)]


def test_a_progress_bar_in_pieces_ends_as_one_line():
    assert tidied(*[stream(f"\r{step}%", "stderr") for step in range(101)]) == [("stderr", "100%")]


def test_a_very_long_line_takes_no_time():
    began = time.monotonic()
    assert len(tidied(stream("x" * 2_000_000))[0][1]) == 2_000_000
    assert time.monotonic() - began < 1
