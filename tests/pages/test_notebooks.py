"""The page of a notebook: its dry run and what came of it."""

import uuid
from dataclasses import replace

import pytest

from webapp import catalog, workflow
from webapp.accounts import LOCAL
from webapp.errors import Problem
from webapp.jobs import attempts as jobs
from webapp.jobs import claim
from webapp.notebooks import delivery, here
from webapp.notebooks.failures import Failure
from webapp.notebooks.outline import INJECTED

REPORT = {
    "status": "completed",
    "seconds": 12.3,
    "steps": 100,
    "cells": {"total": 12, "executed": 12},
    "rows": {"train": 331, "eval": 33},
    "loss": {"eval_before": 5.87, "eval_after": 3.86},
    "perplexity": {"before": 354.2, "after": 47.47},
    "interval": {
        "level": 0.95, "conversations": 30, "perplexity": None,
        "loss": {"before": [5.5, 6.2], "after": [3.6, 4.1], "change": [-2.3, -1.8]},
    },
    "metrics": {
        "kind": "text", "answers": 8, "worse": 3,
        "figures": [{"name": "rouge_l", "before": 0.1, "after": 0.2, "interval": None}],
    },
    "samples": [
        {"prompt": "<b>Q</b>", "before": "<i>x</i>", "after": "y", "reference": "z", "verdict": "worse", "ended": False}
    ],
    "alarms": [{"code": "no_end_of_turn", "message": "none of 8 <u>ended</u>"}],
    "artifacts": [],
    "miniature": {},
    "error": None,
}  # fmt: skip
OLD = {name: value for name, value in REPORT.items() if name not in ("perplexity", "interval", "metrics", "alarms")} | {
    "samples": [{name: REPORT["samples"][0][name] for name in ("prompt", "before", "after", "reference")}]
}


@pytest.fixture
def notebook(services, sample):
    """A notebook of the sample."""
    return workflow.generate(services, LOCAL, sample, "smollm2-360m")


@pytest.fixture
def running(services, notebook):
    """A dry run of it that a worker has taken on."""
    workflow.start_dry_run(services, LOCAL, notebook.id)
    return claim(services.db, "test", 60)


def test_a_notebook_can_be_downloaded_and_shows_its_settings(visitor, client, notebook):
    page = visitor.visit(f"/notebooks/{notebook.id}")
    notebook_link, script_link = [link for link in page.links if link.startswith("/download/")]
    for link, kind in ((notebook_link, "application/x-ipynb+json"), (script_link, "text/x-python")):
        with client.get(link) as answer:
            assert (answer.status_code, answer.mimetype) == (200, kind)
    assert "lora_rank 16" in page.text


def test_a_dry_run_is_ordered_by_a_button_once(visitor, services, notebook):
    form = visitor.visit(f"/notebooks/{notebook.id}").form("/dry-runs")
    page = visitor.send(form)
    assert page.refresh
    assert "Waiting for its turn" in page.text
    first = workflow.notebook_state(services, LOCAL, notebook.id).dry_run.id
    visitor.send(form)
    assert workflow.notebook_state(services, LOCAL, notebook.id).dry_run.id == first
    claim(services.db, "test", 60)


def test_a_run_under_way_shows_its_progress(visitor, services, notebook, running):
    jobs.write(services.db, running.id, running.attempt, [], (0.4, "step 40/100 <b>"))
    page = visitor.visit(f"/notebooks/{notebook.id}")
    assert page.refresh
    assert "step 40/100 <b>" in page.text
    assert 'value="0.4"' in page.html
    assert f'data-stream="/jobs/{running.id}/stream"' in page.html


def test_a_notebook_that_was_not_run_lists_its_cells_with_links_into_the_preview(visitor, notebook):
    page = visitor.visit(f"/notebooks/{notebook.id}")
    assert "What is in it Parameters Progress Packages Environment" in page.text
    inside = visitor.visit(f"/notebooks/{notebook.id}/preview")
    into = [link for link in page.links if "/preview#" in link]
    assert [link.partition("#")[2] for link in into] == [name for name in inside.ids if name.startswith("cell-")]


def test_a_run_under_way_is_shown_cell_by_cell_with_its_loss(visitor, services, notebook, running):
    def cell(kind, tag, **more):
        return kind, {"cell": 0, "total": 17, "tag": tag, **more}

    told = [
        cell("cell_started", "parameters"),
        cell("cell_finished", "parameters", ok=True),
        cell("cell_started", INJECTED),
        ("metrics", {"step": 3, "total_steps": 66, "loss": 5.25}),
    ]
    jobs.write(services.db, running.id, running.attempt, told, None)
    page = visitor.visit(f"/notebooks/{notebook.id}")
    assert "Parameters done 0 s" in page.text
    assert "Values of the dry run running Progress waiting" in page.text
    assert "Training: 5.25 at step 3" in page.text
    assert "Learning rate as a table" not in page.text


def test_a_finished_run_shows_what_it_measured_and_what_that_means(visitor, services, notebook, running):
    jobs.finish(services.db, running.id, running.attempt, REPORT)
    page = visitor.visit(f"/notebooks/{notebook.id}")
    assert not page.refresh
    assert "Run on your rows: 12 of 12 cells, loss 5.87 → 3.86, 12.3 s" in page.text
    assert "Held-out loss 5.87 [5.5, 6.2] 3.86 [3.6, 4.1] -2.01 [-2.3, -1.8]" in page.text
    assert "Perplexity 354.2 47.47" in page.text
    assert "ROUGE-L 0.1 0.2 +0.1" in page.text
    assert "95% intervals, a bootstrap over 30 held-out conversations" in page.text
    assert "no end of turn: none of 8 <u>ended</u>" in page.text
    assert "mean nothing for the real model" in page.text
    assert f"/runs/{running.id}/result" in page.links


def test_a_run_of_an_older_version_still_shows_its_loss(visitor, services, notebook, running):
    jobs.finish(services.db, running.id, running.attempt, OLD)
    page = visitor.visit(f"/notebooks/{notebook.id}")
    assert "Held-out loss 5.87 3.86 -2.01" in page.text


def test_a_failed_run_says_where_it_failed(visitor, services, notebook, running):
    error = {
        "code": "cell_failed",
        "message": "ValueError in cell 3 of 12: <boom>",
        "status": 500,
        "param": None,
        "details": {"report": REPORT | {"status": "failed", "error": {"traceback": "line 1 <x>"}}},
    }
    jobs.fail(services.db, running.id, running.attempt, error)
    page = visitor.visit(f"/notebooks/{notebook.id}")
    assert "The dry run failed ValueError in cell 3 of 12: <boom>" in page.text
    assert "line 1 <x>" in page.text
    assert "Run it again" in page.text


@pytest.fixture
def failed(services, running):
    """Ends the dry run with a failure."""

    def fail(change):
        failure = Failure("gpu_out_of_memory", "The GPU's memory is full", "End <others>.", change, "nvidia-smi")
        error = Problem("cell_failed", "It broke", status=500, details={"report": {}, "failure": failure.to_dict()})
        jobs.fail(services.db, running.id, running.attempt, error.to_dict())

    return fail


def test_a_failed_run_says_why_and_makes_the_notebook_again_by_a_button(visitor, services, notebook, failed):
    failed({"batch_size": 1, "gradient_accumulation": 8})
    page = visitor.visit(f"/notebooks/{notebook.id}")
    assert "The GPU's memory is full. End <others>. nvidia-smi" in page.text
    assert "Make the notebook again with batch_size 1 and gradient_accumulation 8" in page.text
    page = visitor.send(page.form("/remake"))
    made = visitor.path.rpartition("/")[2]
    assert made != notebook.id
    assert page.refresh
    assert "batch_size 1 gradient_accumulation 8" in page.text
    claim(services.db, "test", 60)


def test_a_failed_run_without_a_change_to_offer_has_no_such_button(visitor, notebook, failed):
    failed(None)
    page = visitor.visit(f"/notebooks/{notebook.id}")
    assert "End <others>." in page.text
    assert not [form for form in page.forms if "/remake" in form.action]


def test_an_unknown_notebook_is_404(visitor):
    assert (
        "There is no notebook with this id; it may have been deleted."
        in visitor.visit(f"/notebooks/{uuid.uuid4()}").text
    )
    assert visitor.status == 404


@pytest.fixture
def large(services, sample, monkeypatch):
    """A notebook whose rows are a file."""
    monkeypatch.setattr(delivery, "MAX_EMBEDDED_BYTES", 1000)

    def make(public_url=None, encrypted=False):
        settings = services.settings.model_copy(update={"public_url": public_url})
        return workflow.generate(
            replace(services, settings=settings), LOCAL, sample, "smollm2-360m", encrypted=encrypted
        )

    return make


def test_rows_in_the_notebook_are_said_to_be_there(visitor, notebook):
    page = visitor.visit(f"/notebooks/{notebook.id}")
    assert "They are in the notebook (not encrypted)" in page.text
    assert "colab new --gpu T4 colab exec -f harbour_bikes-smollm2-360m.ipynb" in page.text


def test_rows_that_are_a_file_can_be_fetched_by_hand(visitor, client, large):
    page = visitor.visit(f"/notebooks/{large(encrypted=True).id}")
    assert "put the file beside the notebook" in page.text
    assert "encrypted; the notebook holds the key" in page.text
    (link,) = [link for link in page.links if link.endswith("/data")]
    with client.get(link) as answer:
        assert answer.headers["Content-Disposition"].endswith("harbour_bikes-smollm2-360m.data.jsonl.gz.aes")


def test_a_link_to_the_rows_is_listed_until_it_is_revoked(visitor, large):
    page = visitor.visit(f"/notebooks/{large('https://tunebook.example').id}")
    assert "fetches it by a link that expires" in page.text
    page = visitor.send(page.form("/revoke"))
    assert not [form for form in page.forms if "/revoke" in form.action]
    assert "has no link to it" in page.text


def test_without_a_way_into_colab_the_reason_is_shown(visitor, notebook):
    page = visitor.visit(f"/notebooks/{notebook.id}")
    page = visitor.send(page.form("/open-in-colab"))
    assert "There is no link: Neither GITHUB_TOKEN nor" in page.text
    assert "choose File > Upload notebook in Colab" in page.text
    assert visitor.visit(f"/notebooks/{notebook.id}/open-in-colab").text
    assert visitor.path == f"/notebooks/{notebook.id}"


def test_the_way_into_colab_and_the_key_are_shown(visitor, notebook, monkeypatch):
    opened = workflow.ColabLink("https://colab.research.google.com/gist/a/b/c", None, ["colab stop"], "<key>")
    seen = {}
    monkeypatch.setattr(workflow, "colab_link", lambda *_, **wanted: seen.update(wanted) or opened)
    form = visitor.visit(f"/notebooks/{notebook.id}").form("/open-in-colab")
    page = visitor.send(form, share_rows="1")
    assert opened.url in page.links
    assert "<key>" in page.text
    assert seen == {"share_rows": True}


def test_what_is_inside_can_be_looked_at_and_a_long_cell_to_its_end(visitor, notebook):
    page = visitor.visit(f"/notebooks/{notebook.id}")
    inside = visitor.visit(f"/notebooks/{notebook.id}/preview")
    assert f"/notebooks/{notebook.id}/preview" in page.links
    assert "Fine-tune " in inside.text
    assert len(inside.html) < 150_000
    more = next(link for link in inside.links if "cell=" in link)
    assert len(visitor.visit(more.split("#")[0]).html) > len(inside.html)
    assert visitor.visit(f"/notebooks/{notebook.id}/preview?cell=x").text == inside.text


@pytest.mark.parametrize(
    ("lacking", "said"),
    [((), "This machine can run it, slowly"), (("torch", "peft"), "This machine cannot run it as it is")],
    ids=["able", "unable"],
)
def test_what_this_machine_lacks_for_a_run_is_said_beside_the_button(visitor, notebook, monkeypatch, lacking, said):
    monkeypatch.setattr(here, "missing_packages", lambda: list(lacking))
    monkeypatch.setattr(here, "find_gpu", lambda _: catalog.find_gpu("cpu"))
    page = visitor.visit(f"/notebooks/{notebook.id}")
    assert said in page.text
    assert "no GPU, so training takes many times longer" in page.text
    assert ("Not installed: torch, peft" in page.text) == bool(lacking)
    assert page.form("/runs").method == "post"


def test_the_commands_of_colab_can_be_copied(visitor, notebook):
    html = visitor.visit(f"/notebooks/{notebook.id}").html
    assert 'data-copy="commands"' in html
    assert 'id="commands"' in html
