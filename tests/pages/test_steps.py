"""The list of steps says where one is, and leads to the steps that are reached."""

import re

import pytest

from webapp import workflow
from webapp.accounts import LOCAL

LABELS = ["Data", "Model", "Plan", "Notebook", "Run", "Result"]


@pytest.fixture(scope="module")
def notebook(services, sample):
    return workflow.generate(services, LOCAL, sample, "smollm2-360m")


def steps(page):
    """What the list says: each step's label with its address, and which step one is at."""
    nav = re.search(r'<nav class="steps".*?</nav>', page.html, re.DOTALL)[0]
    items = re.findall(r"<li>(.*?)</li>", nav)
    links = {re.sub("<.*?>", "", item): (re.findall('href="(.*?)"', item) or [None])[0] for item in items}
    (here,) = re.findall(r'aria-current="step">(\w+)<', nav)
    assert list(links) == LABELS
    return links, here


def test_at_first_nothing_else_is_reached(visitor, send):
    links, here = steps(visitor.visit(f"/datasets/{send(b'{}').json['session_id']}"))
    assert here == "Data"
    assert set(links.values()) == {None}


def test_a_notebook_leads_back_to_its_data(visitor, sample, notebook):
    links, here = steps(visitor.visit(f"/notebooks/{notebook.id}"))
    assert here == "Notebook"
    assert links["Data"] == f"/datasets/{sample}"
    assert links["Run"] is links["Result"] is None


def test_a_run_is_a_step_of_its_notebook(visitor, services, sample, notebook):
    run = workflow.create_run(services, LOCAL, sample, notebook.id, "run")
    links, here = steps(visitor.visit(f"/runs/{run.id}"))
    assert here == "Run"
    assert links["Notebook"] == f"/notebooks/{notebook.id}"
    assert links["Result"] is None
    assert steps(visitor.visit(f"/notebooks/{notebook.id}"))[0]["Run"] == f"/runs/{run.id}"
