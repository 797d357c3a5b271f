"""Fixes in the browser, without scripts: a preview, a new version, and the way back."""

import json
import re

import pytest

from tests.pages.conftest import Form
from webapp.jobs import claim, run_child
from webapp.workflow.kinds import job_kinds


def line(number, **more):
    user = {"role": "user", "content": f" {number * 31} is what I ask, from {number}@lind.se"}
    return json.dumps({"messages": [user, {"role": "assistant", "content": f"<b>Answer {number}"}], **more}).encode()


@pytest.fixture
def dataset(analysed):
    return analysed(b"\n".join([*map(line, range(20)), line(3)]))


@pytest.fixture
def submit(visitor, work):
    """Fills in the form of fixes and answers the page once the job is done."""

    def run(dataset_id, **fields):
        visitor.send(visitor.visit(f"/datasets/{dataset_id}").form("/fixes"), **fields)
        work()
        return visitor.visit(visitor.path)

    return run


def test_the_page_says_what_there_is_to_fix(visitor, dataset):
    page = visitor.visit(f"/datasets/{dataset}")
    assert "Redact private data" in page.text
    assert "Here: 21 hits" in page.text
    assert "Version 1 in use Upload 21 0" in page.text
    assert page.form("/fixes").fields == {"kind": "exact", "max_tokens": "4096", "share": "0.1"}


def test_while_a_fix_runs_the_page_reloads(visitor, dataset, work):
    page = visitor.send(visitor.visit(f"/datasets/{dataset}").form("/fixes"), trim="1", preview="1")
    assert page.refresh
    work()


def test_a_fix_is_followed_by_the_stream_of_its_job(visitor, client, dataset, work):
    page = visitor.send(visitor.visit(f"/datasets/{dataset}").form("/fixes"), trim="1", preview="1")
    (stream,) = re.findall(r'data-stream="(/jobs/[^"]+/stream)" data-after="0"', page.html)
    work()
    with client.get(stream) as answer:
        assert answer.mimetype == "text/event-stream"


def test_a_fix_that_waits_is_cancelled(visitor, dataset, work):
    page = visitor.send(visitor.visit(f"/datasets/{dataset}").form("/fixes"), trim="1")
    form = page.form("/cancel")
    assert "It was cancelled; nothing was changed." in visitor.send(form).text
    work()
    assert "It was cancelled; nothing was changed." in visitor.send(form).text
    assert "Version 2" not in visitor.visit(f"/datasets/{dataset}").text


def test_a_fix_that_is_being_done_is_called_off_or_has_ended_meanwhile(visitor, services, dataset):
    page = visitor.send(visitor.visit(f"/datasets/{dataset}").form("/fixes"), trim="1")
    job = claim(services.db, "test", 60)
    form = page.form("/cancel")
    page = visitor.send(form)
    assert "Calling it off" in page.text
    assert not [form for form in page.forms if "/cancel" in form.action]
    run_child(services.db, job.id, job.attempt, job_kinds(services))
    assert "Version 2 in use" in visitor.send(form).text


def test_a_preview_shows_rows_and_figures_and_can_be_applied(visitor, dataset, submit, work):
    page = submit(dataset, redact="1", dedupe="1", preview="1")
    assert "21 changed, 0 dropped, 0 added" in page.text
    assert "<del>" in page.html
    assert "[EMAIL_1]" in page.text
    assert "privacy hits 21 0" in page.text
    assert "Line 21, dropped: like line 4" in page.text
    assert "Version 2" not in visitor.visit(f"/datasets/{dataset}").text
    visitor.send(page.form("/fixes"))
    work()
    page = visitor.visit(visitor.path)
    assert "version 2" in page.text
    assert "Valid conversations 20" in page.text


def test_a_fix_is_undone_and_redone(visitor, dataset, submit):
    page = submit(dataset, trim="1", split_long="1", max_tokens="100")
    assert "Version 2 in use Trim white space, Split long conversations" in page.text
    page = visitor.send(page.form("/undo"))
    assert visitor.path == f"/datasets/{dataset}"
    assert "Version 1 in use" in page.text
    assert "Version 1, the upload as it was." in page.text
    page = visitor.send(page.form("/redo"))
    assert "Version 2, made by: Trim white space, Split long conversations. Undo" in page.text
    assert "Version 2 in use" in page.text
    assert not [form for form in page.forms if "/redo" in form.action]


def test_rows_with_nothing_to_learn_are_dropped_by_the_fix_of_their_issue(visitor, analysed, work):
    silent = json.dumps({"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "   "}]})
    dataset = analysed(b"\n".join([*map(line, range(20)), silent.encode()]))
    page = visitor.visit(f"/datasets/{dataset}")
    assert "drop these rows. No notebook is made before." in page.text
    assert "Here: 1 row" in page.text
    assert "1 rows" not in page.text
    assert "Try: drop rows with nothing to learn" in page.text
    visitor.send(page.form("/fixes"), preview='[{"name": "drop_empty"}]')
    work()
    page = visitor.visit(visitor.path)
    assert "0 changed, 1 dropped, 0 added" in page.text
    visitor.send(page.form("/fixes"))
    work()
    page = visitor.visit(visitor.path)
    assert "Valid conversations 20" in page.text
    assert "nothing to learn" not in page.text.partition("Fixes")[0].partition("What to know")[2]


def test_a_fix_that_changes_nothing_says_so_and_makes_no_version(visitor, sample, submit):
    page = submit(sample, trim="1", preview="1")
    assert "Trim white space. There is nothing to change." in page.text
    assert not [form for form in page.forms if "/fixes" in form.action]
    page = submit(sample, trim="1")
    assert "There is nothing to change, so no new version was made." in page.text
    assert "Version 2" not in visitor.visit(f"/datasets/{sample}").text


def test_a_validation_part_can_be_downloaded(visitor, dataset, submit):
    page = submit(dataset, validation_split="1", share="0.25")
    assert any("part=validation" in link and "format=parquet" in link for link in page.links)


def test_a_file_without_a_valid_row_can_be_mended(visitor, analysed, submit):
    dataset = analysed(line(1).replace(b"user", b"Human"))
    page = submit(dataset, normalise_roles="1")
    assert "Valid conversations 1" in page.text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"preview": "1"}, "Tick at least one fix first."),
        ({}, "Tick at least one fix first."),
        ({"split_long": "1", "max_tokens": "many"}, "Expected `int`"),
        ({"operations": "{"}, "not one of Tunebook's"),
    ],
)
def test_a_form_that_cannot_be_is_told_beside_it(visitor, dataset, fields, sentence):
    page = visitor.send(visitor.visit(f"/datasets/{dataset}").form("/fixes"), **fields)
    assert visitor.status == 400
    assert sentence in page.text.partition("Each fix makes a new version")[2]
    assert "Valid conversations 21" in page.text
    assert page.html.count(" autofocus") == 1


def test_what_was_ticked_stays_with_a_form_that_is_told_of(visitor, dataset):
    page = visitor.visit(f"/datasets/{dataset}")
    page = visitor.send(page.form("/fixes"), dedupe="1", kind="near", split_long="1", max_tokens="9", share="0.3")
    assert "Expected `int` >= 16" in page.text
    ticked = {"dedupe": "1", "kind": "near", "split_long": "1", "max_tokens": "9", "share": "0.3"}
    assert page.form("/fixes").fields == ticked


def test_a_fix_of_a_version_with_a_validation_part_is_refused_beside_the_form(visitor, dataset, submit):
    page = submit(dataset, validation_split="1", share="0.25")
    page = visitor.send(page.form("/fixes"), trim="1")
    assert visitor.status == 409
    assert "This version has a validation part" in page.text.partition("Each fix makes a new version")[2]


def test_a_fix_that_failed_says_why(visitor, analysed, submit):
    page = submit(analysed(line(1)), validation_split="1")
    assert visitor.status == 200  # of the page: what failed is the job, as on the page of a run
    assert "No validation part can be made" in page.text


def test_the_fix_of_another_dataset_is_404(visitor, dataset, sample, submit):
    submit(dataset, trim="1", preview="1")
    elsewhere = visitor.path.replace(dataset, sample)
    visitor.visit(elsewhere)
    assert visitor.status == 404
    visitor.send(Form(f"{elsewhere}/cancel", "post", "application/x-www-form-urlencoded", {}))
    assert visitor.status == 404


def test_an_older_version_says_that_another_one_is_in_use(visitor, dataset, submit):
    submit(dataset, trim="1")
    assert "Version 1, the upload as it was. Another version is in use" in visitor.visit(f"/datasets/{dataset}").text


def test_a_preview_of_huge_changes_is_light(visitor, analysed, submit):
    words = " ".join(f"<{n}> mail{n}@lind.se" for n in range(900))
    rows = [
        json.dumps(
            {
                "messages": json.loads(line(n))["messages"]
                + [{"role": "user", "content": f"{words} {n}"}, {"role": "assistant", "content": words}]
            }
        )
        for n in range(30)
    ]
    page = submit(analysed("\n".join(rows).encode()), redact="1", trim="1", dedupe="1", kind="near", preview="1")
    assert "More of it is not shown here." in page.text
    assert len(page.html.encode()) < 130_000
