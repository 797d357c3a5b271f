"""Without accounts: one person, no sign-in, and still a page that says what happened."""

import pytest


def test_there_is_nothing_to_sign_in_to(visitor):
    page = visitor.visit("/")
    assert "/settings" in page.links
    assert "Sign" not in page.text
    for path in ("/sign-in", "/register"):
        assert "There are no accounts here" in visitor.visit(path).text
        assert visitor.status == 404


def test_the_settings_tell_what_is_there_and_what_happened(visitor):
    page = visitor.visit("/settings")
    assert visitor.status == 200
    assert "Nobody signs in here" in page.text
    assert "What happened" in page.text
    assert "API keys" not in page.text
    assert "Without limits of its own" in page.text
    assert page.form("/settings/theme")


@pytest.mark.parametrize("path", ["/settings/keys", "/settings/keys/x/revoke", "/sign-out"])
def test_what_belongs_to_accounts_is_refused(client, path):
    answer = client.post(path, data={"name": "a", "permissions": "read"}, headers={"Accept": "text/html"})
    assert answer.status_code == 404
