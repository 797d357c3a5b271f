"""Accounts in a real browser, under the page's own security rules: made, used, and signed out of."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def server(tmp_path):
    made = Server(tmp_path, {"TUNEBOOK_AUTH": "local"})
    made.start()
    yield made
    made.stop()


def assert_usable(page: Page) -> None:
    """Accessible, and nothing wider than the window."""
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [360, 1440])
def test_from_the_first_visit_to_a_key_and_out_again(new_context, server, width):
    page = new_context(viewport={"width": width, "height": 900}).new_page()
    trouble = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(server.url + "/settings")
    assert_usable(page)
    page.get_by_role("link", name="Make one").click()
    assert_usable(page)
    page.get_by_label("Email address").fill("ada@example.org")
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    page.get_by_label("What it is for").fill("Laptop")
    page.get_by_role("button", name="Make the key").click()
    key = page.get_by_label("The new API key").inner_text()
    assert_usable(page)
    asked = page.request.get(server.url + "/v1/user/profile", headers={"X-API-Key": key})
    assert asked.json()["permissions"] == ["read"]
    page.get_by_role("button", name="Revoke Laptop").click()
    expect(page.get_by_text("key revoked")).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in to upload")).to_be_visible()
    assert_usable(page)
    assert trouble == []


@pytest.mark.parametrize("width", [360, 1440])
def test_an_account_is_deleted_by_the_keyboard_alone(new_context, server, width):
    page = new_context(viewport={"width": width, "height": 900}).new_page()
    trouble = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(server.url + "/register?next=/settings")
    page.get_by_label("Email address").fill(f"ada{width}@example.org")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("link", name="Delete my account").press("Enter")
    expect(page.get_by_role("heading", name="Delete my account?")).to_be_visible()
    assert_usable(page)
    page.get_by_label("Your password").fill("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This is not the password of your account.")
    assert_usable(page)
    page.get_by_label("Your password").fill("correct horse battery")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Delete my account and everything in it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Your account and everything in it is deleted.")
    expect(page.get_by_role("link", name="Sign in to upload")).to_be_visible()
    assert_usable(page)
    assert trouble == []
