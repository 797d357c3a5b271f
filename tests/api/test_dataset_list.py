"""`GET /datasets`: what was uploaded, newest first, page by page."""

import re

import pytest

from webapp import workflow
from webapp.accounts import LOCAL, VISITOR, Caller
from webapp.workflow import list_datasets

LINE = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'


@pytest.fixture
def uploaded(services):
    """The ids of five datasets, newest first, the others gone."""
    for listed in list_datasets(services, LOCAL, limit=100).datasets:
        workflow.delete_dataset(services, LOCAL, listed.session_id)
    made = [workflow.upload(services, LOCAL, f"{number}.jsonl", [LINE * (number + 1)]) for number in range(5)]
    return [dataset.id for dataset in made][::-1]


def test_it_is_a_bare_array_newest_first(client, uploaded):
    answer = client.get("/datasets")
    assert [item["session_id"] for item in answer.json] == uploaded
    assert "Link" not in answer.headers
    newest = answer.json[0]
    assert (newest["filename"], newest["size"]) == ("4.jsonl", 5 * len(LINE))
    assert (newest["versions"], newest["notebooks"]) == (1, 0)
    assert (newest["total_examples"], newest["quality_score"], newest["expires_at"]) == (None, None, None)


def test_pages_lead_through_all_of_them_once(client, uploaded):
    path, seen = "/datasets?limit=2", []
    while path:
        answer = client.get(path)
        seen += [item["session_id"] for item in answer.json]
        found = re.fullmatch(r'<(/datasets\?.*)>; rel="next"', answer.headers.get("Link", ""))
        path = found and found[1]
    assert seen == uploaded


def test_versions_and_notebooks_are_counted_into_their_upload(services, client, uploaded, work):
    sample = workflow.upload_sample(services, LOCAL)
    work()
    fix = workflow.start_fix(services, LOCAL, sample.id, [{"name": "validation_split"}], preview=False)
    work()
    version = workflow.job_status(services, LOCAL, fix.id).result["version_id"]
    workflow.generate(services, LOCAL, sample.id, "smollm2-360m")
    workflow.generate(services, LOCAL, version, "smollm2-360m")
    (listed,) = client.get("/datasets?limit=1").json
    assert (listed["session_id"], listed["current_id"]) == (sample.id, version)
    assert (listed["versions"], listed["notebooks"]) == (2, 2)
    assert listed["total_examples"] == workflow.analysis(services, LOCAL, version).total_examples
    assert 0.9 < listed["quality_score"] <= 1


def test_everyone_sees_their_own(services, uploaded):
    ada = Caller("ada")
    mine = workflow.upload(services, ada, "a.jsonl", [LINE])
    visited = workflow.upload(services, VISITOR, "v.jsonl", [LINE])
    assert [item.session_id for item in list_datasets(services, ada, limit=9).datasets] == [mine.id]
    assert list_datasets(services, VISITOR, limit=9).datasets == []
    assert visited.id in {item.session_id for item in list_datasets(services, LOCAL, limit=9).datasets}


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "after=x", "after=1-x"])
def test_a_parameter_that_is_not_valid_is_told(client, query):
    assert client.get(f"/datasets?{query}").status_code == 400
