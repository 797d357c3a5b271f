"""The bad lines of a dataset, for whoever may see it."""

import pytest

from tests.conftest import jsonl
from webapp import workflow
from webapp.accounts import LOCAL


@pytest.fixture
def state(services, analysed):
    def made(content: bytes):
        return workflow.dataset_state(services, LOCAL, analysed(content))

    return made


def test_they_are_found_from_a_line_on(services, state):
    found = workflow.bad_lines(services, state(jsonl(3) + b"oops\n{}\n"), 5, 1)
    assert [(line.number, found.total, found.next, found.before) for line in found.lines] == [(5, 2, None, 4)]


def test_a_file_with_examples_was_not_refused(services, state):
    assert workflow.first_bad_lines(services, state(jsonl(3) + b"oops\n")) == []


def test_those_of_a_refused_file_are_read_from_the_upload(services, state):
    (line,) = workflow.first_bad_lines(services, state(b"oops"))
    assert (line.number, line.excerpts[0].marked) == (1, "o")


def test_of_a_refused_file_that_is_gone_nothing_is_read(services, state):
    refused = state(b"oops")
    services.blobs.delete(refused.dataset.blob)
    assert workflow.first_bad_lines(services, refused) == []


def test_rows_that_repeat_are_counted_by_size(services, state):
    found = workflow.clusters(services, state(jsonl(3) * 2))
    assert [(item.start, item.groups) for item in found.exact] == [(2, 3)]
    assert found.near == []
