"""The way to a notebook with the keyboard alone: Tab, Enter and Space."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# What is reached by Tab, the key that is pressed there, and what is then to be seen.
WALK = (
    ("Try the sample", "Enter", "Valid conversations"),
    ("Choose a model", "Enter", "Models that fit, best first"),
    ("Choose ", "Enter", "Training plan for"),
    ("Run a dry run", "Space", "Training plan for"),
    ("Make the notebook", "Enter", "This notebook has not been run yet"),
)
MOST_TABS = 300
# What has the focus, as it is called, and whether one sees that it has it.
FOCUSED = r"""() => {
  const here = document.activeElement;
  if (here === document.body) return { name: "", seen: false };  // between the page's end and its beginning
  const name = here.labels?.[0]?.innerText || here.getAttribute("aria-label") || here.innerText || here.value || "";
  const { outlineStyle, outlineWidth } = getComputedStyle(here);
  return { name: name.trim().replace(/\s+/g, " "), seen: outlineStyle !== "none" && parseFloat(outlineWidth) > 0 };
}"""


def go_to(page: Page, name: str) -> None:
    """Presses Tab until what begins with the name has the focus; whatever has it meanwhile shows that."""
    passed = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused["name"] and not focused["seen"]:
            pytest.fail(f"one does not see that {focused['name'][:80]!r} has the focus")
        if focused["name"].startswith(name):
            return
        passed.append(focused["name"][:40])
    pytest.fail(f"no way by Tab to {name!r}; passed {passed}")


def test_from_the_start_to_a_notebook_with_the_keyboard_alone(page, server):
    page.goto(server.url)
    for name, key, then in WALK:
        go_to(page, name)
        page.keyboard.press(key)
        expect(page.get_by_text(then).first).to_be_visible(timeout=20_000)
    assert "/notebooks/" in page.url


def test_the_first_tab_leads_past_the_head(page, server):
    page.goto(server.url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
