"""The page of a run follows it in a real browser, through a server that goes away in between."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from tests.browser.test_flow import assert_accessible
from tests.conftest import until
from webapp import workflow
from webapp.accounts import LOCAL
from webapp.jobs import attempts, claim
from webapp.storage import Database
from webapp.storage.tables import Dataset, Job, utc_now

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def said(number):
    figures = {"step": number, "epoch": number / 10, "loss": 3 - number / 10, "learning_rate": 2e-4}
    return [("stream", {"cell": 1, "name": "stdout", "text": f"step {number} <b>\n"}), ("metrics", figures)]


def test_a_run_is_followed_without_a_gap_to_its_end(page, server):
    db = Database(f"sqlite:///{server.home / 'tunebook.db'}")
    with db.session() as session:
        session.add(dataset := Dataset(filename="f.jsonl", size=1, sha256="", blob=""))
        session.flush()
        lease = utc_now() + timedelta(hours=1)  # this test plays the run
        session.add(job := Job(kind="run", dataset_id=dataset.id, status="running", attempt=1, lease_until=lease))
    attempts.write(db, job.id, 1, said(1), (0.1, "step 1/10"))
    page.goto(f"{server.url}/runs/{job.id}")
    expect(page.locator("#log")).to_have_text("step 1 <b>\n")
    attempts.write(db, job.id, 1, said(2), (0.2, "step 2/10"))
    expect(page.locator("#log")).to_have_text("step 1 <b>\nstep 2 <b>\n")
    expect(page.get_by_label("step 2/10")).to_be_visible()
    expect(page.locator("table.last tbody tr").first).to_contain_text("2.8")
    expect(page.locator("[data-figure=loss]")).to_have_text("2.8")
    assert_accessible(page)
    figure = page.get_by_role("figure", name="Loss")
    expect(figure).to_contain_text("Training: 2.9 at step 1, 2.8 at step 2")
    drawing = figure.get_by_role("img")
    drawing.hover(position={"x": 60, "y": 40})
    expect(figure.locator(".readout")).to_have_text("Step 1, Training 2.9")
    drawing.focus()
    page.keyboard.press("ArrowRight")
    expect(figure.locator(".readout")).to_have_text("Step 2, Training 2.8")
    page.get_by_role("link", name="Logarithmic scale").click()
    expect(page.get_by_role("link", name="Linear scale")).to_be_visible()
    box = drawing.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + 60)
    page.mouse.up()
    expect(figure).to_contain_text("Training: 2.8 at step 2.")
    page.get_by_role("link", name="All steps").click()
    expect(figure).to_contain_text("2.9 at step 1")
    port = server.url.rpartition(":")[2]
    server.stop()
    expect(page.get_by_text("The connection is lost")).to_be_visible()
    attempts.write(db, job.id, 1, said(3), None)
    server.start(port)
    expect(page.locator("#log")).to_have_text("step 1 <b>\nstep 2 <b>\nstep 3 <b>\n", timeout=30_000)
    attempts.finish(db, job.id, 1, {})
    expect(page.get_by_text("It has completed.")).to_be_visible()
    assert_accessible(page)
    db.close()


@pytest.fixture
def dry_run(stored) -> Job:
    """A dry run that the test plays: no server takes it up."""
    services, dataset_id = stored
    notebook = workflow.generate(services, LOCAL, dataset_id, "smollm2-360m")
    workflow.start_dry_run(services, LOCAL, notebook.id)
    job = claim(services.db, "test", 3600)
    with services.db.session() as session:
        session.execute(update(Job).where(Job.id == job.id).values(worker=None))
    return job


def test_a_notebook_deleted_elsewhere_says_so_where_its_dry_run_is_followed(page, stored, dry_run, server):
    db = stored[0].db
    address = f"{server.url}/notebooks/{dry_run.notebook_id}"
    page.goto(address)
    expect(page.get_by_role("button", name="Stop it")).to_be_visible()
    with ThreadPoolExecutor() as elsewhere:
        deleted = elsewhere.submit(server.request, "DELETE", f"/notebooks/{dry_run.notebook_id}")
        until(lambda: is_called_off(db, dry_run.id))
        attempts.release(db, dry_run.id, dry_run.attempt)
        assert deleted.result().status_code == 200
    expect(page.get_by_role("alert")).to_have_text("This was deleted.", timeout=20_000)
    expect(page.get_by_role("heading", name="chats-smollm2-360m.ipynb")).to_be_visible()
    expect(page.get_by_role("button", name="Run it again")).to_have_count(0)
    assert page.url == address
    assert_accessible(page)


def is_called_off(db, job_id):
    with db.reading() as session:
        return session.get(Job, job_id).cancel_requested
