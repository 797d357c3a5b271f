"""A prompt is asked of both models in a real browser, and its answers are written as they come."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from tests.browser.test_flow import assert_accessible
from webapp.jobs import attempts
from webapp.storage import Database
from webapp.storage.tables import Dataset, Job, JobEvent, Notebook, utc_now

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def tried(server, db):
    """The id of a completed run, and of the job that this test plays."""
    with db.session() as session:
        session.add(dataset := Dataset(filename="f.jsonl", size=1, sha256="", blob=""))
        session.flush()
        notebook = Notebook(
            dataset_id=dataset.id, model_id="smollm2-360m", config={}, blob="n", filename="n.ipynb", sha256=""
        )
        session.add(notebook)
        session.flush()
        run = Job(kind="run", dataset_id=dataset.id, notebook_id=notebook.id, status="completed")
        session.add(run)
        session.flush()
        lease = utc_now() + timedelta(hours=1)
        chat = Job(
            kind="chat", dataset_id=dataset.id, notebook_id=notebook.id, params={"run_id": run.id},
            status="running", attempt=1, lease_until=lease, progress=1.0, message="Both models are loaded on CPU",
        )  # fmt: skip
        session.add(chat)
    folder = server.home / "files/runs" / run.id / "tunebook-run/model"
    folder.mkdir(parents=True)
    for name in ("adapter_model.safetensors", "tokenizer_config.json"):
        (folder / name).write_text("{}")
    return run.id, chat.id


def test_answers_are_written_side_by_side_and_stopped(page, server):
    db = Database(f"sqlite:///{server.home / 'tunebook.db'}")
    run, chat = tried(server, db)
    trouble = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda message: message.type in ("error", "warning") and trouble.append(message.text))
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(f"{server.url}/runs/{run}/try")
    page.get_by_label("Your prompt").fill("Where is <b>quay</b> 7?")
    page.get_by_role("button", name="Ask both").click()
    expect(page.get_by_text("Where is <b>quay</b> 7?")).to_be_visible()
    expect(page.get_by_label("Your prompt")).to_have_value("")
    expect(page.get_by_label("Your prompt")).to_be_focused()
    with db.reading() as session:
        number = session.scalars(select(JobEvent.seq).where(JobEvent.type == "prompt")).one()
    base, tuned = (page.locator(f"[data-side={side}] .content") for side in ("base", "tuned"))
    where = {"prompt": number, "side": "base"}
    attempts.write(db, chat, 1, [("writing", where), ("piece", {**where, "text": "At the <i>"})], None)
    expect(base).to_have_text("At the <i>")
    attempts.write(db, chat, 1, [("piece", {**where, "text": " harbour"})], None)
    expect(base).to_have_text("At the <i> harbour")
    expect(tuned).to_have_text("")
    assert_accessible(page)
    page.emulate_media(color_scheme="dark")
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Stop").click()
    end = {"text": "At the <i> harbour", "tokens": 6, "seconds": 0.5, "end": "stopped", "message": ""}
    attempts.write(db, chat, 1, [("answer", {**where, **end}), ("answer", {**where, "side": "tuned", **end})], None)
    expect(tuned).to_have_text("At the <i> harbour")
    expect(page.get_by_text("Stopped. 6 tokens, 12.0 a second").first).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    with db.reading() as session:
        stops = session.scalars(select(JobEvent.data).where(JobEvent.type == "stop")).all()
    assert stops == [{"prompt": number}]
    page.get_by_role("button", name="Put them away").click()
    expect(page.get_by_text("They are being put away")).to_be_visible()
    attempts.release(db, chat, 1)
    expect(page.get_by_text("They are not loaded now.")).to_be_visible()
    assert trouble == []
    db.close()
