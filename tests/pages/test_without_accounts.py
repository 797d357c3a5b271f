"""Without accounts: one person, no sign-in, and still a page that says what happened."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from webapp.api.context import EXTENSION


def test_there_is_nothing_to_sign_in_to(visitor):
    page = visitor.visit("/")
    assert "/settings" in page.links
    assert "Sign" not in page.text
    for path in ("/sign-in", "/register", "/settings/delete"):
        assert "There are no accounts here" in visitor.visit(path).text
        assert visitor.status == 404


def test_the_start_says_that_data_stay_on_this_machine_until_they_are_deleted(visitor):
    text = visitor.visit("/").text
    assert "It is kept and analysed on this machine. It goes nowhere else, unless you open or run" in text
    assert "It is kept until you delete it." in text
    assert "by itself" not in text


def test_the_start_says_when_files_are_kept_in_supabase_too(visitor, app, services, monkeypatch):
    settings = services.settings.model_copy(update={"supabase_service_key": SecretStr("key")})
    monkeypatch.setitem(app.extensions, EXTENSION, replace(services, settings=settings))
    text = visitor.visit("/").text
    assert "It is analysed on this machine, and kept there and in its Supabase project." in text


def test_the_settings_tell_what_is_there_and_what_happened(visitor):
    page = visitor.visit("/settings")
    assert visitor.status == 200
    assert "Nobody signs in here" in page.text
    assert "What happened" in page.text
    assert "API keys" not in page.text
    assert "Delete my account" not in page.text
    assert "Without limits of its own" in page.text
    assert page.form("/settings/theme")


@pytest.mark.parametrize("path", ["/settings/keys", "/settings/keys/x/revoke", "/settings/delete", "/sign-out"])
def test_what_belongs_to_accounts_is_refused(client, path):
    answer = client.post(path, data={"name": "a", "permissions": "read"}, headers={"Accept": "text/html"})
    assert answer.status_code == 404
