"""`/datasets/{id}/fix`, `/versions`, `/undo`, `/redo` and `/export`."""

import io
import json

import pyarrow.parquet as pq
import pytest

from webapp.api import fixes
from webapp.workflow import exporting, waiting

UNKNOWN = "0e7a4c1e-5f5f-4a53-9a3c-0d9f7f3b8a11"


def line(number):
    user = {"role": "user", "content": f"{number * 31} is what I ask, from {number}@lind.se"}
    return json.dumps({"messages": [user, {"role": "assistant", "content": f"Answer {number * 7}"}]}).encode() + b"\n"


@pytest.fixture
def dataset(analysed):
    return analysed(b"".join(map(line, [*range(20), 3])))


@pytest.fixture
def fix(client, work):
    """Posts a fix, has it done and answers the job's result."""

    def run(dataset_id, *operations, preview=False):
        answer = client.post(f"/datasets/{dataset_id}/fix", json={"operations": operations, "preview": preview})
        assert answer.status_code == 202
        assert answer.headers["Retry-After"] == "1"
        work()
        return client.get(answer.json["status_url"]).json["result"]

    return run


def test_a_fix_is_a_job_whose_result_names_the_version(client, dataset, fix):
    result = fix(dataset, {"name": "dedupe"}, {"name": "redact"})
    assert [item["name"] for item in result["applied"]] == ["redact", "dedupe"]
    assert [item["dropped"] for item in result["report"]["operations"]] == [0, 1]
    version = result["version_id"]
    assert client.get(f"/analyze/{version}").json["total_examples"] == 20
    assert client.get(f"/analyze/{version}").json["privacy"] == {"kinds": {}}
    assert client.get(f"/analyze/{dataset}").json["total_examples"] == 21
    assert "[EMAIL_1]" in client.get(f"/preview/{version}").text


def test_a_preview_has_counts_rows_and_figures(client, dataset, fix):
    result = fix(dataset, {"name": "redact"}, preview=True)
    (done,) = result["report"]["operations"]
    assert (done["changed"], len(done["changes"])) == (21, 20)
    assert {"kind": "added", "text": "[EMAIL_1]"} in done["changes"][0]["messages"][0]["pieces"]
    assert (result["report"]["before"]["privacy_hits"], result["report"]["after"]["privacy_hits"]) == (21, 0)
    assert len(client.get(f"/datasets/{dataset}/versions").json["versions"]) == 1


def test_where_nothing_is_to_be_changed_the_version_is_the_one_there_is(client, sample, fix):
    result = fix(sample, {"name": "trim"})
    assert (result["report"]["unchanged"], result["version_id"]) == (True, sample)
    assert len(client.get(f"/datasets/{sample}/versions").json["versions"]) == 1


def test_versions_undo_and_redo(client, dataset, fix):
    version = fix(dataset, {"name": "dedupe"})["version_id"]
    listed = client.get(f"/datasets/{dataset}/versions").json
    assert [item["version"] for item in listed["versions"]] == [1, 2]
    assert (listed["current_id"], listed["can_undo"], listed["can_redo"]) == (version, True, False)
    assert client.post(f"/datasets/{version}/undo").json["current_id"] == dataset
    refused = client.post(f"/datasets/{version}/undo")
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "nothing_to_undo")
    assert client.post(f"/datasets/{dataset}/redo").json["current_id"] == version


@pytest.mark.parametrize(
    "body",
    [
        {"operations": [{"name": "polish"}]},
        {"operations": []},
        {"operations": [{"name": "split_long", "max_tokens": 1}]},
        {"operations": [{"name": "trim"}, {"name": "trim"}]},
    ],
)
def test_what_is_no_operation_is_named(client, dataset, body):
    answer = client.post(f"/datasets/{dataset}/fix", json=body)
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "invalid_operation"
    assert answer.json["error"]["param"] == "operations"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "fix", {"operations": [{"name": "trim"}]}),
        ("get", "versions", None),
        ("post", "undo", None),
        ("post", "redo", None),
        ("get", "export", None),
    ],
)
def test_an_unknown_dataset_is_404(client, method, path, body):
    answer = getattr(client, method)(f"/datasets/{UNKNOWN}/{path}", **({"json": body} if body else {}))
    assert answer.status_code == 404
    assert answer.json["error"]["code"] == "dataset_not_found"


def test_jsonl_is_handed_out_at_once(client, dataset):
    with client.get(f"/datasets/{dataset}/export") as answer:
        assert answer.status_code == 200
        assert answer.mimetype == "application/jsonl"
        assert "filename=data.jsonl" in answer.headers["Content-Disposition"]
        assert answer.data.count(b"\n") == 21


def test_other_formats_are_written_by_a_job_once(client, dataset, work, monkeypatch):
    monkeypatch.setattr(fixes, "WAIT_SECONDS", 0.0)
    path = f"/datasets/{dataset}/export?format=parquet"
    first, again = client.get(path), client.get(path)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json["status_url"] == again.json["status_url"]
    work()
    monkeypatch.setattr(exporting, "enqueue", None)
    with client.get(path) as answer:
        assert answer.mimetype == "application/vnd.apache.parquet"
        assert "filename=data.parquet" in answer.headers["Content-Disposition"]
        assert pq.read_table(io.BytesIO(answer.data)).num_rows == 21


def test_the_validation_part_is_exported_apart(client, dataset, fix):
    version = fix(dataset, {"name": "validation_split", "share": 0.25})["version_id"]
    sizes = {}
    for part in ("train", "validation"):
        with client.get(f"/datasets/{version}/export?part={part}") as answer:
            sizes[part] = answer.data.count(b"\n")
            assert (
                f"data-v2{'-validation' if part == 'validation' else ''}.jsonl" in answer.headers["Content-Disposition"]
            )
    assert sizes == {"train": 16, "validation": 5}
    missing = client.get(f"/datasets/{dataset}/export?part=validation")
    assert (missing.status_code, missing.json["error"]["code"]) == (404, "no_validation_part")


def test_what_a_format_cannot_hold_is_told(client, analysed, work, monkeypatch):
    content = json.loads(line(1))
    content["messages"][1]["weight"] = 1
    dataset = analysed(json.dumps(content).encode())
    monkeypatch.setattr(waiting, "sleep", lambda _: work())  # what the worker does in the meantime
    answer = client.get(f"/datasets/{dataset}/export?format=alpaca")
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "not_expressible"
    assert "row 1 has weights" in answer.json["detail"]


@pytest.mark.parametrize("query", ["format=xml", "part=test"])
def test_an_unknown_format_or_part_is_named(client, dataset, query):
    answer = client.get(f"/datasets/{dataset}/export?{query}")
    assert answer.status_code == 400
    assert answer.json["error"]["param"] in ("format", "part")
