"""The session cookie needs the store only when there is something in it."""

from webapp import create_app
from webapp.settings import Settings
from webapp.storage.problems import storage_unavailable


def test_to_make_an_app_and_to_ask_it_without_a_cookie_takes_no_store(tmp_path):
    app = create_app(Settings(home=tmp_path / "home", auth="local"))
    assert app.test_client().get("/health").status_code == 200
    assert not (tmp_path / "home").exists()


def test_a_cookie_that_cannot_be_read_now_is_as_good_as_none(tmp_path, monkeypatch):
    def broken(_root):
        raise storage_unavailable("the disk is gone")

    monkeypatch.setattr("webapp.workflow.services.secret_key", broken)
    client = create_app(Settings(home=tmp_path / "home", auth="local")).test_client()
    client.set_cookie("tunebook_session", "x.y.z")
    assert client.get("/health").status_code == 200
