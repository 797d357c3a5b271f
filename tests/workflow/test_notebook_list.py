"""The list of notebooks: newest first, a page at a time, of whoever asks."""

import json

import pytest

from webapp import workflow
from webapp.accounts import NOBODY, VISITOR, Caller

ADA, BEN = Caller("ada"), Caller("ben")


@pytest.fixture(scope="module")
def made(services, work):
    """Three notebooks of Ada's, the last one of another dataset, and that dataset's id."""
    lines = [json.dumps({"prompt": f"{number}?", "completion": "Yes."}).encode() + b"\n" for number in range(20)]
    first, other = (workflow.upload(services, ADA, name, lines).id for name in ("first.jsonl", "other.jsonl"))
    work()
    of = [first, first, other]
    return [workflow.generate(services, ADA, dataset, "smollm2-360m").id for dataset in of], other


def ids(page):
    return [notebook.id for notebook in page.notebooks]


def test_the_newest_comes_first_and_each_comes_once(services, made):
    begin = workflow.list_notebooks(services, ADA, limit=2)
    rest = workflow.list_notebooks(services, ADA, limit=2, after=begin.next)
    assert ids(begin) + ids(rest) == made[0][::-1]
    assert rest.next is None


def test_those_of_one_dataset_can_be_asked_for(services, made):
    notebooks, other = made
    assert ids(workflow.list_notebooks(services, ADA, root_id=other, limit=9)) == notebooks[2:]


def test_it_says_how_the_dry_run_stands_and_counts_the_runs(services, made):
    (newest, *_), other = made[0][::-1], made[1]
    workflow.create_run(services, ADA, other, newest, "run")
    workflow.create_run(services, ADA, other, newest, "dry_run")
    row = workflow.list_notebooks(services, ADA, limit=1).notebooks[0]
    assert (row.dry_run, row.runs, row.dataset_filename, row.method) == (None, 1, "other.jsonl", "lora")
    workflow.start_dry_run(services, ADA, newest)
    assert workflow.list_notebooks(services, ADA, limit=1).notebooks[0].dry_run == "queued"


@pytest.mark.parametrize("other", [BEN, VISITOR, NOBODY], ids=["ben", "visitor", "nobody"])
def test_nobody_else_sees_them(services, made, other):
    assert workflow.list_notebooks(services, other, root_id=made[1], limit=9).notebooks == []
