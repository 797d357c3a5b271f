"""`tunebook serve`, apart from the processes it starts (see tests/faults for those)."""

import socket

import pytest

from webapp.errors import Problem
from webapp.logs import configure_logs
from webapp.server import _address, _warn_of_counts, environment, serve
from webapp.settings import Settings


def test_settings_travel_as_the_variables_they_are_read_from(tmp_path, monkeypatch):
    given = Settings(home=tmp_path, secret_key="s3cret", job_timeout=5, database_url=f"sqlite:///{tmp_path}/x.db")
    for name, value in environment(given).items():
        monkeypatch.setenv(name, value)
    assert Settings() == given


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")])  # noqa: S104
def test_the_address_is_one_to_type_into_a_browser(host, shown):
    with socket.create_server((host, 0)) as listener:
        assert _address(listener) == f"http://{shown}:{listener.getsockname()[1]}"


def test_without_sign_in_it_listens_on_loopback_only(tmp_path):
    with pytest.raises(Problem) as caught:
        serve(Settings(home=tmp_path), "0.0.0.0", 0)  # noqa: S104
    assert caught.value.code == "open_to_everyone"
    assert "TUNEBOOK_ALLOW_OPEN=1" in caught.value.message


@pytest.mark.parametrize(
    ("workers", "more", "warned"),
    [
        (2, {"auth": "local"}, True),
        (1, {"auth": "local"}, False),
        (2, {"auth": "local", "redis_url": "redis://127.0.0.1/0"}, False),
        (2, {}, False),
    ],
)
def test_it_warns_where_each_process_would_count_for_itself(tmp_path, capsys, workers, more, warned):
    configure_logs()
    _warn_of_counts(Settings(home=tmp_path, **more), workers)
    assert ("Set REDIS_URL" in capsys.readouterr().err) is warned
