"""Every page in a real browser: nothing breaks, nothing runs over, everyone can read it, in either theme."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.conftest import Server, app_with_tables
from tests.every_page import HOSTILE, HOSTILE_NAME, fill, hostile_rows, sample_rows
from webapp.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

WIDTHS = (1440, 768, 360, 320)
TELL_VIOLATIONS = "addEventListener('securitypolicyviolation', e => console.error('refused: ' + e.blockedURI))"
# What reaches out of the window, where something does: the first thing to look at.
WIDE = """() => [...document.querySelectorAll('main *, header *, footer *')]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, pre, svg'))
  .slice(0, 3).map(e => e.outerHTML.slice(0, 200))"""
# Names of columns of figures that do not stand above them.
ASIDE = """() => [...document.querySelectorAll('thead th')].filter(name => {
    const figure = name.closest('table').querySelector(`tbody td.figure:nth-child(${name.cellIndex + 1})`);
    return figure && getComputedStyle(name).textAlign != getComputedStyle(figure).textAlign;
  }).map(name => name.textContent)"""
# The themes share everything but colours.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
# Of many alike the first ones are looked at: a reference has hundreds.
AXE = """options => axe.run({ exclude: [["article:nth-of-type(n+4)"], ["tbody tr:nth-of-type(n+6)"]] }, options)
  .then(found => found.violations.map(
  ({ id, help, nodes }) => `${id}: ${help}: ` + nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join("; ")))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A server whose store has one of everything, of the sample and of hostile rows: its address, and the paths."""
    home = tmp_path_factory.mktemp("site")
    with app_with_tables(Settings(home=home)) as app:
        services = app.extensions["tunebook"]
        sample = fill(services, sample_rows(), "harbour_bikes.jsonl").paths()
        hostile = fill(services, hostile_rows(), HOSTILE_NAME, HOSTILE).paths()
    # What has no id in its address shows both, once.
    paths = {"sample": sample, "hostile": [path for path in hostile if path not in sample]}
    server = Server(home)
    server.start()
    yield server.url, paths
    server.stop()


def told(message):
    """Whether the console tells of something wrong; not that a page which tells of a problem has its status."""
    own = message.location["url"] == message.page.url and "the server responded with a status of 4" in message.text
    return message.type in ("error", "warning") and not own


@pytest.mark.parametrize("content", ["sample", "hostile"])
def test_every_page_fits_is_accessible_and_breaks_nothing(browser, site, content):
    url, paths = site
    script = Axe().axe_script
    context = browser.new_context()
    context.add_init_script(TELL_VIOLATIONS)
    page, trouble, found = context.new_page(), [], []
    page.on("dialog", lambda dialog: (trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda message: told(message) and trouble.append(message.text))
    page.on("request", lambda asked: asked.url.startswith(url) or trouble.append(f"request to {asked.url}"))
    for path in paths[content]:
        page.emulate_media(color_scheme="light")
        page.goto(url + path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if not page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"):
                found.append(f"{path} is wider than {width} px: {page.evaluate(WIDE)}")
        if aside := page.evaluate(ASIDE):
            found.append(f"{path} has {aside} aside of their figures")
        page.evaluate(script)
        violations = page.evaluate(AXE, {"resultTypes": ["violations"]})
        page.emulate_media(color_scheme="dark")
        violations += page.evaluate(AXE, COLOURS)
        found += [f"{path}: {what}" for what in violations + trouble]
        trouble.clear()
    context.close()
    assert not found, "\n".join(found)


def test_a_chosen_theme_wins_over_the_systems(browser, site):
    url, _ = site
    context = browser.new_context(color_scheme="light")
    page = context.new_page()
    page.goto(f"{url}/settings#theme")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Use it").click()
    page.wait_for_function("document.documentElement.dataset.theme == 'dark'")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    context.close()
