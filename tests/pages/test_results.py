"""The page of what came of a run."""

import json

import pytest

from tests.pages.test_notebooks import REPORT
from webapp import workflow
from webapp.accounts import LOCAL
from webapp.jobs import attempts, claim
from webapp.pages.results import compared, receipt_rows
from webapp.storage.tables import Job
from webapp.workflow.job_files import run_key

SAMPLE = {
    "prompt": "When is <b>the shop</b> open?",
    "before": "The shop opens at nine in the morning.",
    "after": "The shop opens at ten in the morning.",
    "reference": "The shop opens at ten.",
    "metric": "rouge_l",
    "score_before": 0.5,
    "score_after": 0.75,
    "loss_before": 2.0,
    "loss_after": 1.5,
    "ended": True,
    "verdict": "better",
}
RECEIPT = {
    "receipt": 1,
    "base_model": "org/<model>",
    "dataset_sha256": "ab" * 32,
    "split": {"train": 300, "held_out": 33, "sha256": "cd" * 32},
    "versions": {"python": "3.12.1", "torch": "2.9"},
    "hardware": "Tesla T4",
}


@pytest.fixture
def notebook(services, sample):
    return workflow.generate(services, LOCAL, sample, "smollm2-360m")


@pytest.fixture
def ended(services, notebook):
    """The id of a run of this kind that has completed with the report and these files."""

    def make(kind="run", report=REPORT, files=None):
        job = workflow.create_run(services, LOCAL, notebook.dataset_id, notebook.id, kind)
        workflow.start_run(services, LOCAL, job.id)
        assert claim(services.db, "test", 60).id == job.id
        folder = services.blobs.folder(run_key(job.id)) / "tunebook-run"
        folder.mkdir(parents=True)
        for name, content in (files or {}).items():
            (folder / name).write_text(content)
        attempts.write(services.db, job.id, 1, [("metrics", {"step": 1, "loss": 3.5})], None)
        attempts.finish(services.db, job.id, 1, report)
        return job.id

    return make


def test_a_result_shows_figures_with_intervals_the_curve_and_the_answers(visitor, ended):
    page = visitor.visit(f"/runs/{ended()}/result")
    assert "It has completed: 12 of 12 cells, loss 5.87 → 3.86, 12.3 s" in page.text
    assert "331 rows learned from, 33 held out" in page.text
    assert "Held-out loss 5.87 [5.5, 6.2] 3.86 [3.6, 4.1] -2.01 [-2.3, -1.8]" in page.text
    assert "3 of 8 answers to held-out prompts score lower than before" in page.text
    assert "worse, not ended by itself" in page.text
    assert "Training: 3.5 at step 1" in page.text
    assert "miniature" not in page.text


def test_a_dry_run_is_said_to_be_a_miniatures(visitor, ended):
    page = visitor.visit(f"/runs/{ended('dry_run')}/result")
    assert "Made by a miniature" in page.text
    assert "mean nothing for the real model" in page.text


def test_the_words_that_training_changed_are_marked(visitor, ended):
    run = ended(report=REPORT | {"samples": [SAMPLE]})
    page = visitor.visit(f"/runs/{run}/result")
    assert "opens at <del>nine</del> in the morning." in page.html
    assert "opens at <ins>ten</ins> in the morning." in page.html
    assert "When is <b>the shop</b> open?" in page.text
    assert "Before ROUGE-L 0.50, loss 2.000" in page.text
    assert "better" in page.text
    (other,) = [link for link in page.links if "against=reference" in link]
    page = visitor.visit(other.partition("#")[0])
    assert "from the answer in your data" in page.text
    assert "opens at <ins>nine in the morning</ins>." in page.html
    assert "opens at ten<ins> in the morning</ins>." in page.html


def test_nothing_is_marked_in_texts_that_have_little_in_common():
    unlike = compared(SAMPLE | {"before": "qq ww ee", "after": "rr tt yy"}, "before")
    assert unlike.unlike
    assert [[piece.kind for piece in side.pieces] for side in unlike.sides] == [["same"]] * 3


def test_answers_of_thousands_of_words_are_compared_at_once():
    words = " ".join(f"a{number}" for number in range(3000))
    others = " ".join(f"b{number}" for number in range(3000))
    found = compared(SAMPLE | {"before": f"same {words} end", "after": f"same {others} end"}, "before")
    assert found.unlike


def test_a_long_answer_scrolls_in_a_frame_that_the_keyboard_reaches(visitor, ended):
    run = ended(report=REPORT | {"samples": [SAMPLE | {"before": "x" + 20 * "\n"}]})
    page = visitor.visit(f"/runs/{run}/result")
    assert '<div class="content tall" tabindex="0" role="group" aria-label="Before" dir="auto">' in page.html
    assert page.html.count('class="content tall"') == 1


def test_answers_of_an_older_version_have_no_scores(visitor, ended):
    old = {name: SAMPLE[name] for name in ("prompt", "before", "after", "reference")}
    page = visitor.visit(f"/runs/{ended(report=REPORT | {'samples': [old]})}/result")
    assert "Before The shop opens at nine" in page.text


def test_its_files_have_sizes_and_the_receipt_says_how_it_is_checked(visitor, ended):
    run = ended(files={"receipt.json": json.dumps(RECEIPT), "report.html": "r" * 2048})
    page = visitor.visit(f"/runs/{run}/result")
    assert "tunebook-run/report.html 2 KiB" in page.text
    assert f"/jobs/{run}/artifacts/tunebook-run/receipt.json" in page.links
    assert "Base model org/<model> Data (SHA-256) abab" in page.text
    assert "300 conversations trained on, 33 held out" in page.text
    assert "python 3.12.1, torch 2.9" in page.text
    assert "tunebook verify receipt.json 'harbour_bikes.jsonl'" in page.text


@pytest.mark.parametrize("receipt", [None, {}, {"split": 1, "versions": []}, {"split": {"train": "x"}}], ids=str)
def test_a_receipt_that_says_nothing_shows_nothing(receipt):
    assert receipt_rows(receipt) == []


def test_a_run_that_was_reported_from_elsewhere_has_curves_alone(visitor, services, ended):
    run = ended(report={})
    with services.db.session() as session:
        session.get_one(Job, run).executor = "elsewhere"
    page = visitor.visit(f"/runs/{run}/result")
    assert "This run left no report here: the notebook that told of it has it" in page.text
    assert "Training: 3.5 at step 1" in page.text


def test_a_run_that_has_not_completed_says_so_and_leads_back(visitor, services, notebook):
    job = workflow.create_run(services, LOCAL, notebook.dataset_id, notebook.id, "run")
    page = visitor.visit(f"/runs/{job.id}/result")
    assert "There is no result yet: this run has not been started" in page.text
    assert f"/runs/{job.id}" in page.links
    workflow.cancel_job(services, LOCAL, job.id)
    assert "this run was cancelled" in visitor.visit(f"/runs/{job.id}/result").text
