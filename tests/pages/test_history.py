"""The history: what there is, and the way back to it."""

import pytest

from webapp import workflow
from webapp.accounts import LOCAL

LINE = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'


@pytest.fixture
def run(services, sample):
    notebook = workflow.generate(services, LOCAL, sample, "smollm2-360m")
    return workflow.create_run(services, LOCAL, sample, notebook.id, "run", name="First <b>try</b>")


def test_it_leads_to_datasets_and_runs(visitor, sample, run):
    page = visitor.visit("/history")
    assert f"/datasets/{sample}" in page.links
    assert f"/runs/{run.id}" in page.links
    assert "harbour_bikes.jsonl" in page.text
    assert "First <b>try</b>" in page.text


def test_runs_can_be_chosen_by_how_they_stand(visitor, run):
    page = visitor.visit("/history")
    assert f"/runs/{run.id}" in visitor.send(page.form("/history"), status="created").links
    assert f"/runs/{run.id}" not in visitor.send(page.form("/history"), status="failed").links


def test_what_is_older_is_a_link_away(visitor, services):
    for number in range(21):
        workflow.upload(services, LOCAL, f"file-{number}.jsonl", [LINE])
    page = visitor.visit("/history")
    assert "file-0.jsonl" not in page.text
    (older,) = [link for link in page.links if "datasets=" in link]
    assert "file-0.jsonl" in visitor.visit(older).text


@pytest.mark.parametrize("query", ["datasets=x", "runs=1-2", "status=flying"])
def test_a_query_that_cannot_be_is_as_if_there_were_none(visitor, sample, query):
    assert visitor.visit(f"/history?{query}").text.startswith("Skip to the content")
    assert visitor.status == 200
