"""Fixes in a real browser: followed while they are done, called off, and told when they fail."""

import json
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.test_flow import assert_accessible
from tests.conftest import conversation
from webapp.jobs import attempts
from webapp.storage import Database
from webapp.storage.tables import Dataset, Job, utc_now

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def lines(numbers):
    return "\n".join(json.dumps(conversation(number)) for number in numbers).encode()


@pytest.fixture
def uploaded(page, server):
    """Has rows analysed, and the page at their dataset."""

    def upload(content):
        page.goto(server.url)
        file = {"name": "rows.jsonl", "mimeType": "application/jsonl", "buffer": content}
        page.get_by_label("JSON lines, JSON, CSV").set_input_files(file)
        page.get_by_role("button", name="Upload and analyse").click()
        expect(page.get_by_role("heading", name="Fixes")).to_be_visible(timeout=20_000)

    return upload


def test_a_preview_that_fails_says_why_by_itself(page, uploaded):
    uploaded(lines(range(5)))
    page.locator("input[name=validation_split]").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("alert")).to_contain_text("No validation part can be made", timeout=20_000)
    expect(page.get_by_role("progressbar")).to_have_count(0)
    assert_accessible(page)


def test_a_fix_is_followed_without_asking_again_and_can_be_called_off(page, server):
    db = Database(f"sqlite:///{server.home / 'tunebook.db'}")
    with db.session() as session:
        session.add(dataset := Dataset(filename="f.jsonl", size=1, sha256="", blob=""))
        session.flush()
        lease = utc_now() + timedelta(hours=1)  # this test plays the fix
        session.add(job := Job(kind="fix", dataset_id=dataset.id, status="running", attempt=1, lease_until=lease))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/datasets/{dataset.id}/fixes/{job.id}")
    page.wait_for_timeout(4000)
    attempts.write(db, job.id, 1, [], (0.25, "Going through the rows"))
    expect(page.get_by_label("Going through the rows")).to_have_js_property("value", 0.25)
    assert asked.count(page.url) == 1
    expect(page).to_have_title("25% Fixing f.jsonl - Tunebook")
    assert_accessible(page)
    page.get_by_role("button", name="Cancel the fix").click()
    expect(page.get_by_label("Calling it off")).to_be_visible()
    attempts.release(db, job.id, 1)
    expect(page.get_by_text("It was cancelled; nothing was changed.")).to_be_visible()
    assert_accessible(page)
    db.close()


def test_a_form_without_a_fix_comes_back_with_the_message_in_view(page, uploaded):
    uploaded(lines(range(12)))
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick at least one fix first.")
    expect(page.get_by_role("alert")).to_be_in_viewport()
    assert_accessible(page)
    page.locator("input[name=trim]").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("There is nothing to change")).to_be_visible(timeout=20_000)
