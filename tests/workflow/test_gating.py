"""The gate of a dataset: kept with its examples, and nobody else's."""

import pytest

from webapp import workflow
from webapp.accounts import LOCAL, Caller
from webapp.errors import Problem


def test_the_rows_held_out_are_those_of_a_notebook_with_no_other_settings(services, sample):
    found = workflow.gate(services, LOCAL, sample).baseline
    config = workflow.generate(services, LOCAL, sample, "smollm2-360m").config
    assert (found.trained, found.held_out) == (270, 300 * config["eval_fraction"])


def test_before_it_is_measured_there_is_none(services):
    dataset = workflow.upload_sample(services, LOCAL)
    assert workflow.gate(services, LOCAL, dataset.id) is None


def test_it_is_the_owners_alone(services, sample):
    with pytest.raises(Problem) as caught:
        workflow.gate(services, Caller("somebody else"), sample)
    assert caught.value.code == "dataset_not_found"
