"""The history: what there is, and the way back to it."""

import re
from datetime import timedelta

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.jobs import attempts, claim
from webapp.storage.tables import Job

LINE = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
NOWHERE = "00000000-0000-4000-8000-000000000000"


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


def test_runs_can_be_chosen_by_their_kind(visitor, services, sample, run):
    dry_run = workflow.create_run(services, LOCAL, sample, run.notebook_id, "dry_run")
    page = visitor.visit("/history")
    assert {f"/runs/{run.id}", f"/runs/{dry_run.id}"} <= set(page.links)
    form = page.form("/history")
    links = visitor.send(form, kind="dry_run").links
    assert f"/runs/{dry_run.id}" in links
    assert f"/runs/{run.id}" not in links


def test_notebooks_and_runs_can_be_chosen_by_their_dataset(visitor, services, run, analysed):
    other = analysed(b"".join(LINE.replace(b'"a"', b'"%d?"' % number) for number in range(20)))
    notebook = workflow.generate(services, LOCAL, other, "smollm2-360m")
    page = visitor.visit("/history")
    assert {f"/notebooks/{notebook.id}", f"/notebooks/{run.notebook_id}"} <= set(page.links)
    page = visitor.send(page.form("/history"), dataset=other)
    assert f"/notebooks/{notebook.id}" in page.links
    assert f"/notebooks/{run.notebook_id}" not in page.links
    assert f"/runs/{run.id}" not in page.links
    assert page.form("/history").fields["dataset"] == other


def test_a_run_says_where_it_ran_and_how_long(visitor, services, run):
    workflow.start_run(services, LOCAL, run.id)
    assert claim(services.db, "test", 60).id == run.id
    attempts.finish(services.db, run.id, 1, {})
    with services.db.session() as session:
        job = session.get(Job, run.id)
        job.finished_at = job.started_at + timedelta(seconds=90)
    row = re.search(rf'<tr>(?=[^\n]*/runs/{run.id}").*?</tr>', visitor.visit("/history").html)[0]
    assert re.findall("<td.*?>(.*?)</td>", row)[2:5] == ["here", "1.5 min", "completed"]


def test_everything_has_a_way_to_be_deleted(visitor, sample, run):
    links = visitor.visit("/history").links
    for path in (f"/datasets/{sample}", f"/notebooks/{run.notebook_id}", f"/runs/{run.id}"):
        assert f"{path}/delete" in links


def test_a_run_that_is_under_way_is_not_deleted_from_here(visitor, services, run):
    workflow.start_run(services, LOCAL, run.id)
    assert f"/runs/{run.id}/delete" not in visitor.visit("/history").links


@pytest.mark.parametrize(
    "query", ["datasets=x", "runs=1-2", "notebooks=2", "status=flying", "kind=fix", f"dataset={NOWHERE}"]
)
def test_a_query_that_cannot_be_is_as_if_there_were_none(visitor, sample, query):
    assert visitor.visit(f"/history?{query}").text.startswith("Skip to the content")
    assert visitor.status == 200


def test_what_is_older_is_a_link_away(visitor, services):
    for number in range(21):
        workflow.upload(services, LOCAL, f"file-{number}.jsonl", [LINE])
    page = visitor.visit("/history")
    assert "file-0.jsonl" not in page.text
    (older,) = [link for link in page.links if "datasets=" in link]
    assert "file-0.jsonl" in visitor.visit(older).text
