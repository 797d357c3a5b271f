"""A wrong field that is folded away is shown when its form is sent, and named before."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_trying import tried
from tests.conftest import Server
from webapp.storage import Database

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def fold_away(page: Page, summary: str) -> None:
    page.get_by_text(summary).click()
    expect(page.locator("details", has_text=summary)).not_to_have_attribute("open", "")


def test_a_setting_of_the_plan(page, stored, server):
    _, dataset_id = stored
    address = f"{server.url}/datasets/{dataset_id}/plan?model_id=smollm2-360m"
    page.goto(address)
    page.get_by_text("All settings").click()
    seed = page.get_by_label("Seed")
    seed.fill("-5")
    expect(page.locator("#refusal")).to_have_text("Wrong above: Seed. A notebook can be made once that is right.")
    fold_away(page, "All settings")
    page.get_by_role("button", name="Make the notebook").click()
    expect(seed).to_be_visible()
    expect(seed).to_be_focused()
    assert page.url == address
    seed.fill("5")
    expect(page.locator("#refusal")).to_be_empty()


def test_a_setting_of_a_prompt(page, server: Server):
    db = Database(f"sqlite:///{server.home / 'tunebook.db'}")
    run, _ = tried(server, db)
    db.close()
    summary = "System prompt and how answers are written"
    page.goto(f"{server.url}/runs/{run}/try")
    page.get_by_label("Your prompt").fill("Where is quay 7?")
    page.get_by_text(summary).click()
    temperature = page.get_by_label("Temperature")
    temperature.fill("2.5")
    fold_away(page, summary)
    page.get_by_role("button", name="Ask both").click()
    expect(temperature).to_be_focused()
    temperature.fill("0.75")
    fold_away(page, summary)
    page.get_by_role("button", name="Ask both").click()
    expect(page.get_by_text("you, temperature 0.75")).to_be_visible()
