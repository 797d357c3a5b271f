"""Fixes in a real browser: followed while they are done, called off, and told when they fail."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.test_flow import assert_accessible
from tests.conftest import conversation

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
