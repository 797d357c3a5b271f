"""The page of a run: what it shows before any script has worked, and its buttons."""

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.errors import Problem
from webapp.jobs import attempts, claim
from webapp.notebooks.failures import Failure
from webapp.storage.tables import Job
from webapp.workflow.job_files import run_key

METRICS = {"step": 3, "epoch": 0.5, "loss": 1.25, "learning_rate": 0.0002, "eta_seconds": 150}


@pytest.fixture
def notebook(services, sample):
    return workflow.generate(services, LOCAL, sample, "smollm2-360m")


@pytest.fixture
def run(services, notebook):
    """The id of a run that is under way."""
    job = workflow.create_run(services, LOCAL, notebook.dataset_id, notebook.id, "run", name="First <b>try</b>")
    workflow.start_run(services, LOCAL, job.id)
    assert claim(services.db, "test", 60).id == job.id
    return job.id


def printed(text):
    return ("stream", {"cell": 1, "name": "stdout", "text": text})


def test_a_run_is_ordered_on_the_page_of_its_notebook_and_linked_there(visitor, services, notebook):
    page = visitor.send(visitor.visit(f"/notebooks/{notebook.id}").form("/runs"))
    assert "Waiting for its turn" in page.text
    job = workflow.job_status(services, LOCAL, visitor.path.rpartition("/")[2])
    assert (job.kind, job.status, job.notebook_id) == ("run", "queued", notebook.id)
    assert visitor.path in visitor.visit(f"/notebooks/{notebook.id}").links
    workflow.cancel_job(services, LOCAL, job.id)


def test_a_run_under_way_shows_how_far_it_is_and_where_the_stream_goes_on(visitor, client, services, run):
    attempts.write(services.db, run, 1, [printed("loss <i>\n"), ("metrics", METRICS)], (0.3, "step 3/10"))
    page = visitor.visit(f"/runs/{run}")
    assert "First <b>try</b> of" in page.text
    assert "step 3/10" in page.text
    assert "loss <i>" in page.text
    assert "3 0.5 1.25 – 0.0002 – 2.5 min" in page.text
    assert page.refresh
    assert f'data-stream="/jobs/{run}/stream"' in page.html
    last = client.get(f"/jobs/{run}/events").json[-1]["seq"]
    assert f'data-after="{last}"' in page.html


def test_a_run_without_news_says_so(visitor, run):
    assert "None yet" in visitor.visit(f"/runs/{run}").text


def test_the_page_has_the_end_of_a_long_log(visitor, services, run):
    attempts.write(services.db, run, 1, [printed(f"line {number}\n") for number in range(300)], None)
    text = visitor.visit(f"/runs/{run}").text
    assert "line 299" in text
    assert "line 50 " not in text


def test_a_run_is_cancelled_and_taken_up_again(visitor, services, run):
    page = visitor.send(visitor.visit(f"/runs/{run}").form("/cancel"))
    assert "stopping" in page.text
    assert not any("/cancel" in form.action for form in page.forms)
    attempts.release(services.db, run, 1)
    page = visitor.visit(f"/runs/{run}")
    assert ("It was cancelled" in page.text, page.refresh, "data-stream" in page.html) == (True, False, False)
    page = visitor.send(page.form("/resume"))
    assert "queued" in page.text
    workflow.cancel_job(services, LOCAL, run)


def test_a_failed_run_says_why(visitor, services, run):
    failure = {"code": "x", "cause": "Out of memory", "sentence": "Use less.", "hint": None, "change": None}
    error = {"code": "cell_failed", "message": "Cell 3 <b>failed</b>.", "details": {"failure": failure}}
    attempts.fail(services.db, run, 1, error)
    text = visitor.visit(f"/runs/{run}").text
    assert "It failed Cell 3 <b>failed</b>." in text
    assert "Out of memory. Use less." in text


def test_a_failed_run_says_where_it_goes_on(visitor, services, run):
    attempts.fail(services.db, run, 1, {"code": "cell_failed", "message": "It broke."})
    folder = services.blobs.folder(run_key(run)) / "tunebook-run/checkpoints/f1"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    assert "It has no checkpoint: it starts again from its beginning." in visitor.visit(f"/runs/{run}").text
    (folder / "state-10.pt").write_text("s")
    assert "It goes on from its last checkpoint." in visitor.visit(f"/runs/{run}").text


def test_what_can_be_done_by_hand_is_shown(visitor, services, run):
    error = {"code": "colab_not_installed", "message": "No tool.", "details": {"commands": ["colab new", "colab stop"]}}
    attempts.fail(services.db, run, 1, error)
    assert "colab new\ncolab stop" in visitor.visit(f"/runs/{run}").html


def test_a_completed_run_leads_to_its_files(visitor, services, run):
    folder = services.blobs.folder(run_key(run)) / "tunebook-run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "report.html").write_text("r")
    (folder / "checkpoints" / "step-1").write_text("c")
    attempts.finish(services.db, run, 1, {})
    page = visitor.visit(f"/runs/{run}")
    assert "It has completed" in page.text
    assert f"/jobs/{run}/artifacts/tunebook-run/report.html" in page.links
    assert not any("checkpoints" in link for link in page.links)


def test_a_job_that_is_no_run_has_no_page(visitor, client, sample):
    assert "There is no job" in visitor.visit("/runs/x").text
    assert visitor.status == 404


def test_its_curves_are_drawn_from_the_figures_of_all_steps(visitor, services, run):
    told = [("metrics", {"step": step, "loss": 8 / step, "grad_norm": 1.0}) for step in range(1, 31)]
    attempts.write(services.db, run, 1, [*told, ("metrics", {"step": 30, "eval_loss": 0.5})], None)
    page = visitor.visit(f"/runs/{run}")
    assert "Training: 8 at step 1, 0.2759 at step 29" in page.text
    assert "Held-out: 0.5 at step 30" in page.text
    assert "Gradient norm: 1 at step 1" in page.text
    assert "Learning rate as a table" not in page.text


def test_curves_show_the_steps_and_the_scale_that_are_asked_for(visitor, services, run):
    told = [("metrics", {"step": step, "loss": 8 / step}) for step in range(1, 31)]
    attempts.write(services.db, run, 1, told, None)
    page = visitor.visit(f"/runs/{run}/curves?from=10&to=20&log=1")
    assert "Training: 0.8 at step 10, 0.4 at step 20" in page.text
    assert page.links == [f"/runs/{run}?from=10.0&to=20.0#curves", f"/runs/{run}?log=1#curves"]
    assert "Training: 8 at step 1" in visitor.visit(f"/runs/{run}/curves?from=x&to=&log=2").text


def test_a_later_attempt_replaces_the_figures_of_its_steps(visitor, services, run):
    attempts.write(services.db, run, 1, [("metrics", {"step": step, "loss": 2.0}) for step in (1, 2)], None)
    with services.db.session() as session:
        session.get_one(Job, run).attempt = 2
    attempts.write(services.db, run, 2, [("metrics", {"step": 2, "loss": 1.0})], None)
    assert "2 at step 1, 1 at step 2" in visitor.visit(f"/runs/{run}/curves").text


def test_its_figures_are_shown_at_a_glance_the_newest_of_each(visitor, services, run):
    told = [
        ("metrics", {"step": 4, "total_steps": 40, "loss": 2.5, "eval_loss": 2.25, "memory_bytes": 3 * 1024**3}),
        ("metrics", {"step": 5, "total_steps": 40, "loss": 2.0, "eta_seconds": 90, "learning_rate": 0.0001}),
    ]
    attempts.write(services.db, run, 1, told, None)
    assert (
        "Step 5 of 40 Loss 2 Held-out loss 2.25 Learning rate 0.0001 Tokens a second – Peak memory 3 GiB "
        "Time left 1.5 min" in visitor.visit(f"/runs/{run}").text
    )
    attempts.finish(services.db, run, 1, {})
    assert "Time left" not in visitor.visit(f"/runs/{run}").text


def test_it_says_where_it_runs(visitor, services, run):
    assert "It runs on this machine." in visitor.visit(f"/runs/{run}").text
    with services.db.session() as session:
        session.get_one(Job, run).executor = "colab"
    assert "It runs on Google Colab." in visitor.visit(f"/runs/{run}").text


def test_a_failure_offers_the_notebook_with_what_it_asks_for(visitor, services, run, notebook):
    failure = Failure("gpu_out_of_memory", "The GPU's memory is full", "End others.", {"batch_size": 1}, None)
    error = Problem("cell_failed", "It broke", status=500, details={"failure": failure.to_dict()})
    attempts.fail(services.db, run, 1, error.to_dict())
    page = visitor.visit(f"/runs/{run}")
    assert "Make the notebook again with batch_size 1" in page.text
    page = visitor.send(page.form("/remake"))
    assert visitor.path != f"/notebooks/{notebook.id}"
    assert "batch_size 1" in page.text
    claim(services.db, "test", 60)


def test_it_is_deleted_after_a_page_that_says_what_goes(visitor, services, run, notebook):
    attempts.write(services.db, run, 1, [printed("x")], None)
    assert not any("/delete" in link for link in visitor.visit(f"/runs/{run}").links)
    folder = services.blobs.folder(run_key(run)) / "tunebook-run"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("r")
    attempts.finish(services.db, run, 1, {})
    (leads,) = [link for link in visitor.visit(f"/runs/{run}").links if link.endswith("/delete")]
    page = visitor.visit(leads)
    assert "Delete First <b>try</b> ?" in page.text
    assert "together 1 file of 1 bytes" in page.text
    visitor.send(page.form("/delete"))
    assert visitor.path == f"/notebooks/{notebook.id}"
    visitor.visit(f"/runs/{run}")
    assert visitor.status == 404
