"""Light and dark are chosen on the settings page, and every page comes as it was chosen."""

import re

import pytest

from tests.conftest import BROWSER


@pytest.mark.parametrize("path", ["/", "/history", "/estimates", "/nothing-here"])
def test_a_chosen_theme_is_in_every_page_from_then_on(visitor, path):
    form = visitor.visit("/settings").form("/settings/theme")
    assert form.fields["theme"] == "system"
    assert "data-theme" not in visitor.visit(path).html
    visitor.send(form, theme="dark")
    assert visitor.path == "/settings"
    page = visitor.visit(path)
    assert '<html lang="en" data-theme="dark">' in page.html
    assert '<meta name="color-scheme" content="dark">' in page.html
    assert visitor.visit("/settings").form("/settings/theme").fields["theme"] == "dark"


def test_the_system_may_choose_again(visitor, client):
    form = visitor.visit("/settings").form("/settings/theme")
    visitor.send(form, theme="light")
    visitor.send(form, theme="system")
    assert client.get_cookie("tunebook_theme") is None
    assert '<meta name="color-scheme" content="light dark">' in visitor.visit("/").html


@pytest.mark.parametrize("given", ['"><script>', "", "DARK"])
def test_a_theme_that_does_not_exist_is_none(client, given):
    client.set_cookie("tunebook_theme", given)
    assert "data-theme" not in client.get("/", headers=BROWSER).text


def test_scripts_cannot_read_the_choice(client):
    answer = client.post("/settings/theme", data={"theme": "dark"})
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]


def test_each_colour_is_written_once_for_both_themes(client):
    with client.get("/static/css/tunebook.css") as answer:
        sheet = answer.text
    colours = re.findall(r"^  (--[\w-]+): light-dark\(#\w+, #\w+\);$", sheet, re.MULTILINE)
    assert len(colours) == len(set(colours)) >= 15
    assert "prefers-color-scheme" not in sheet
