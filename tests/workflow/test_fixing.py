"""Fixes: a preview is what is then applied, each fix makes a version, and nothing of one that fails is left."""

import json

import pytest

from webapp import workflow
from webapp.accounts import LOCAL, Caller
from webapp.datasets import MAX_LINE_BYTES, Analysis
from webapp.errors import Problem
from webapp.jobs import claim, run_child
from webapp.storage.tables import Dataset
from webapp.workflow import findings, fixing
from webapp.workflow.kinds import job_kinds

TRIM = [{"name": "trim"}]
SPLIT = [{"name": "validation_split", "share": 0.25}]


def line(number, answer="Answer {}"):
    user = {"role": "user", "content": f" {number * 31} is what I ask about, and {number * number} "}
    return (
        json.dumps({"messages": [user, {"role": "assistant", "content": answer.format(number * 7)}]}).encode() + b"\n"
    )


@pytest.fixture
def dataset(services, work):
    made = workflow.upload(services, LOCAL, "a.jsonl", [*map(line, range(30)), line(3), b"not json\n"])
    work()
    return made.id


@pytest.fixture
def fix(services, work):
    """Fixes a version and answers the job's result."""

    def run(dataset_id, operations, *, preview=False):
        job = workflow.start_fix(services, LOCAL, dataset_id, operations, preview=preview)
        work()
        done = workflow.job_status(services, LOCAL, job.id)
        assert done.error is None
        return done.result

    return run


def numbers(services, dataset_id):
    found = workflow.versions(services, LOCAL, dataset_id)
    return [version.version for version in found.versions], [v.version for v in found.versions if v.current]


def test_a_new_version_has_a_gate_of_its_own(services, dataset, fix):
    made = fix(dataset, [{"name": "dedupe"}])["version_id"]
    assert [workflow.gate(services, LOCAL, version).rows for version in (dataset, made)] == [31, 30]


def test_a_preview_is_what_is_then_applied_and_makes_no_version(services, dataset, fix):
    operations = [*TRIM, {"name": "dedupe"}, {"name": "drop_invalid"}]
    before = fix(dataset, operations, preview=True)
    assert before["version_id"] is None
    assert numbers(services, dataset) == ([1], [1])
    after = fix(dataset, operations)
    assert after["report"] == before["report"]
    assert after["applied"] == before["applied"]
    assert [item["dropped"] for item in after["report"]["operations"]] == [0, 1, 1]


def test_a_fix_that_changes_nothing_makes_no_version(services, fix, work):
    clean = b"".join(line(number).replace(b'" ', b'"').replace(b' "', b'"') for number in range(12))
    made = workflow.upload(services, LOCAL, "a.jsonl", [clean, b"not json\n"])
    work()
    before = set(services.blobs.path("datasets").iterdir())
    preview = fix(made.id, TRIM, preview=True)
    assert (preview["report"]["unchanged"], preview["version_id"]) == (True, None)
    applied = fix(made.id, [*TRIM, {"name": "dedupe"}])
    assert (applied["report"]["unchanged"], applied["version_id"]) == (True, made.id)
    assert numbers(services, made.id) == ([1], [1])
    assert set(services.blobs.path("datasets").iterdir()) == before


@pytest.mark.parametrize("more", [b'{"id": 7, ', b""])
def test_what_a_fix_leaves_out_is_a_change(services, fix, work, more):
    """Keys that are neither messages nor tools, and lines that are too long."""
    rest = json.dumps({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}).encode()
    last = more + rest[1:] if more else b" " * (MAX_LINE_BYTES + 1)
    made = workflow.upload(services, LOCAL, "a.jsonl", [rest, b"\n", last, b"\n"])
    work()
    result = fix(made.id, TRIM)
    assert result["report"]["unchanged"] is False
    assert numbers(services, made.id) == ([1, 2], [2])


def test_a_new_version_is_a_dataset_like_any_other(services, dataset, fix):
    result = fix(dataset, TRIM)
    version = result["version_id"]
    analysis = workflow.analysis(services, LOCAL, version)
    assert isinstance(analysis, Analysis)
    assert analysis.quality_score == result["report"]["after"]["quality_score"]
    assert workflow.preview(services, LOCAL, version, 1, 1).examples[0].messages[0]["content"][0] == "0"
    assert workflow.generate(services, LOCAL, version, "smollm2-360m").dataset_id == version
    with services.db.reading() as session:
        row = session.get_one(Dataset, version)
    assert row.size == services.blobs.path(row.blob).stat().st_size
    assert "changes" not in json.dumps(row.operations)


def test_versions_are_listed_with_what_made_them_and_their_figures(services, dataset, fix):
    version = fix(dataset, TRIM)["version_id"]
    first, second = workflow.versions(services, LOCAL, version).versions
    assert (first.session_id, first.parent_id, first.operations) == (dataset, None, [])
    assert (second.session_id, second.parent_id, second.operations) == (version, dataset, TRIM)
    assert second.counts == [{"name": "trim", "changed": 31, "dropped": 0, "added": 0}]
    assert first.statistics["total_examples"] == second.statistics["total_examples"] == 31


def test_undo_and_redo_walk_along_the_versions_and_lose_none(services, dataset, fix):
    second = fix(dataset, TRIM)["version_id"]
    third = fix(second, [{"name": "dedupe"}])["version_id"]
    assert numbers(services, third) == ([1, 2, 3], [3])
    assert workflow.undo(services, LOCAL, dataset).current_id == second
    assert workflow.undo(services, LOCAL, third).current_id == dataset
    with pytest.raises(Problem) as caught:
        workflow.undo(services, LOCAL, dataset)
    assert (caught.value.code, caught.value.status) == ("nothing_to_undo", 409)
    assert workflow.redo(services, LOCAL, dataset).current_id == second
    state = workflow.redo(services, LOCAL, dataset)
    assert (state.current_id, state.can_undo, state.can_redo) == (third, True, False)
    with pytest.raises(Problem) as caught:
        workflow.redo(services, LOCAL, dataset)
    assert (caught.value.code, caught.value.status) == ("nothing_to_redo", 409)


def test_a_fix_after_an_undo_is_a_branch_and_redo_takes_the_newest(services, dataset, fix):
    fix(dataset, TRIM)
    workflow.undo(services, LOCAL, dataset)
    other = fix(dataset, [{"name": "dedupe"}])["version_id"]
    assert numbers(services, dataset) == ([1, 2, 3], [3])
    workflow.undo(services, LOCAL, dataset)
    assert workflow.redo(services, LOCAL, dataset).current_id == other


def test_a_version_with_a_validation_part_is_fixed_before_the_split_only(services, dataset, fix):
    version = fix(dataset, SPLIT)["version_id"]
    assert workflow.versions(services, LOCAL, dataset).versions[1].validation_rows in (7, 8)
    with pytest.raises(Problem) as caught:
        workflow.start_fix(services, LOCAL, version, TRIM, preview=False)
    assert (caught.value.code, caught.value.status) == ("already_split", 409)


def test_a_file_without_a_valid_row_can_be_mended(services, fix, work):
    lines = [line(number).replace(b'"user"', b'"Human"').replace(b'"assistant"', b'"gpt"') for number in range(3)]
    made = workflow.upload(services, LOCAL, "a.jsonl", lines)
    work()
    result = fix(made.id, [{"name": "normalise_roles"}])
    assert result["report"]["before"] is None
    assert result["report"]["after"]["total_examples"] == 3


def test_a_fix_waits_for_the_analysis(services, work):
    made = workflow.upload(services, LOCAL, "a.jsonl", [line(1)])
    with pytest.raises(Problem) as caught:
        workflow.start_fix(services, LOCAL, made.id, TRIM, preview=True)
    assert caught.value.code == "analysis_pending"
    work()


def test_a_fix_that_fails_leaves_nothing_behind(services, dataset, work):
    job = workflow.start_fix(services, LOCAL, dataset, [{"name": "validation_split"}, *TRIM], preview=False)
    only = workflow.upload(services, LOCAL, "b.jsonl", [line(1)])
    work()
    assert workflow.job_status(services, LOCAL, job.id).status == "completed"
    failing = workflow.start_fix(services, LOCAL, only.id, [{"name": "validation_split"}], preview=False)
    work()
    assert workflow.job_status(services, LOCAL, failing.id).error["code"] == "too_few_to_split"
    assert numbers(services, only.id) == ([1], [1])
    assert list(services.blobs.path("datasets").glob(".*")) == []


@pytest.mark.parametrize("step", ["_version", "add_version"])
def test_a_fix_that_fails_after_its_files_were_written_leaves_none_of_them(services, dataset, work, monkeypatch, step):
    monkeypatch.setattr(fixing, step, lambda *_: 1 / 0)
    before = set(services.blobs.path("datasets").iterdir())
    job = workflow.start_fix(services, LOCAL, dataset, TRIM, preview=False)
    work()
    assert workflow.job_status(services, LOCAL, job.id).status == "failed"
    assert set(services.blobs.path("datasets").iterdir()) == before


def test_a_gate_that_fails_loses_no_fix(services, dataset, fix, monkeypatch):
    monkeypatch.setattr(findings, "measure_gate", lambda *_: 1 / 0)
    made = fix(dataset, TRIM)["version_id"]
    assert numbers(services, dataset) == ([1, 2], [2])
    assert workflow.gate(services, LOCAL, made) is None


def test_an_attempt_that_died_after_its_version_was_kept_is_not_done_twice(services, dataset, monkeypatch):
    """The version is written, then the process ends before it can say so; the next attempt says it."""
    job = workflow.start_fix(services, LOCAL, dataset, TRIM, preview=False)
    claimed = claim(services.db, "test", 60)

    class Context:
        job = claimed

        def report(self, *_):
            pass

    first = fixing.run_fix(services, Context())
    monkeypatch.setattr(fixing, "fix", None)
    run_child(services.db, claimed.id, claimed.attempt, job_kinds(services))
    done = workflow.job_status(services, LOCAL, job.id)
    assert done.result["version_id"] == first["version_id"]
    assert done.result["report"]["after"] == first["report"]["after"]
    assert numbers(services, dataset) == ([1, 2], [2])


@pytest.mark.parametrize("step", [workflow.versions, workflow.undo, workflow.redo])
def test_the_versions_of_another_are_not_found(services, dataset, step):
    with pytest.raises(Problem) as caught:
        step(services, Caller(id="ben"), dataset)
    assert caught.value.code == "dataset_not_found"
    with pytest.raises(Problem) as caught:
        workflow.start_fix(services, Caller(id="ben"), dataset, TRIM, preview=True)
    assert caught.value.code == "dataset_not_found"
