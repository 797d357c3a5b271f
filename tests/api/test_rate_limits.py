"""Requests are counted for each person and address; with a real Redis, over several processes."""

import json
import time

import pytest

from tests import signed_in
from tests.conftest import until
from tests.redis import PROGRAM, Redis
from webapp import create_app
from webapp.accounts import Caller
from webapp.api.rate_limits import UNLIMITED
from webapp.errors import Problem
from webapp.settings import Settings
from webapp.storage import Database
from webapp.storage.tables import new_id
from webapp.workflow import open_services
from webapp.workflow import services as services_module
from webapp.workflow.progress import sign_progress

FREE, PRO = 5, 9
ADA, BEN = {"Authorization": "Bearer ada"}, {"Authorization": "Bearer ben"}
PAUL = {"X-API-Key": "paul"}


def made(home, **more):
    """An app of which every instance has the same people."""
    Database(Settings(home=home).database).migrate()
    settings = Settings(home=home, auth="local", **{"rate_free": FREE, "rate_pro": PRO, **more})
    people = {"ada": Caller("ada"), "ben": Caller("ben"), "paul": Caller("paul", tier="pro")}
    return signed_in.install(create_app(settings), **people)


@pytest.fixture
def limited(tmp_path):
    app = made(tmp_path)
    yield app.test_client()
    app.extensions["tunebook"].db.close()


def statuses(client, count, path="/jobs", **arguments):
    return [client.get(path, **arguments).status_code for _ in range(count)]


def test_a_person_may_ask_as_often_as_the_tier_allows(limited):
    assert statuses(limited, FREE + 1, headers=ADA) == [200] * FREE + [429]
    assert statuses(limited, PRO + 1, headers=PAUL) == [200] * PRO + [429]


def test_each_person_has_a_count_of_their_own_wherever_they_ask_from(limited):
    assert statuses(limited, FREE + 1, headers=ADA)[-1] == 429
    assert statuses(limited, 1, headers=BEN) == [200]
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert statuses(limited, 1, headers=ADA, environ_overrides=elsewhere) == [429]


def test_all_addresses_of_the_app_count_together(limited):
    for path in ("/jobs", "/models", "/nothing", "/estimate", "/docs"):
        assert limited.get(path, headers=ADA).status_code != 429
    assert limited.get("/", headers=ADA).status_code == 429


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8:1:2::1"])
def test_who_has_not_signed_in_counts_with_their_address(limited, address):
    here = {"REMOTE_ADDR": address}
    assert statuses(limited, FREE + 1, "/models", environ_overrides=here) == [200] * FREE + [429]
    assert statuses(limited, 1, "/models", environ_overrides={"REMOTE_ADDR": "192.0.2.9"}) == [200]


def test_a_network_of_ipv6_counts_as_one_address(limited):
    for number in range(FREE):
        limited.get("/models", environ_overrides={"REMOTE_ADDR": f"2001:db8:1:2::{number}"})
    assert statuses(limited, 1, "/models", environ_overrides={"REMOTE_ADDR": "2001:db8:1:2:f::1"}) == [429]
    assert statuses(limited, 1, "/models", environ_overrides={"REMOTE_ADDR": "2001:db8:1:3::1"}) == [200]


def test_keys_that_are_not_valid_count_with_their_address_however_many_are_tried(limited):
    tried = [limited.get("/jobs", headers={"X-API-Key": f"guess-{number}"}) for number in range(FREE + 1)]
    assert [answer.status_code for answer in tried] == [401] * FREE + [429]
    assert limited.get("/jobs", headers=ADA).status_code == 200


def test_every_answer_says_how_the_caller_stands(limited):
    for left, path in ((4, "/jobs"), (3, "/jobs/x"), (2, "/nothing")):
        answer = limited.get(path, headers=ADA)
        assert answer.headers["X-RateLimit-Limit"] == str(FREE)
        assert answer.headers["X-RateLimit-Remaining"] == str(left)
        assert 0 < int(answer.headers["X-RateLimit-Reset"]) - time.time() <= 61
        assert "Retry-After" not in answer.headers


def test_a_refusal_has_the_one_body_and_says_when_to_come_back(limited):
    statuses(limited, FREE, headers=ADA)
    answer = limited.get("/jobs", headers=ADA)
    error = answer.json["error"]
    assert (error["code"], error["type"]) == ("rate_limited", "rate_limit_error")
    wait = error["details"]["retry_after"]
    assert 1 <= wait <= 61
    assert answer.headers["Retry-After"] == answer.headers["X-RateLimit-Retry-After"] == str(wait)
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert error["request_id"] == answer.headers["X-Request-Id"]


def test_a_browser_is_told_on_a_page(limited):
    statuses(limited, FREE, headers=ADA)
    answer = limited.get("/docs", headers=ADA | {"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (429, "text/html")


def test_files_and_probes_are_not_counted(limited):
    assert statuses(limited, FREE + 2, "/health", headers=ADA) == [200] * (FREE + 2)
    for _ in range(FREE + 2):
        with limited.get("/static/css/tunebook.css", headers=ADA) as answer:
            assert answer.status_code == 200
            assert "X-RateLimit-Limit" not in answer.headers
    assert limited.get("/jobs", headers=ADA).headers["X-RateLimit-Remaining"] == str(FREE - 1)


def test_what_is_not_counted_is_there(limited):
    assert {rule.endpoint for rule in limited.application.url_map.iter_rules()} >= UNLIMITED


def test_nobody_is_refused_before_the_count(limited):
    """A stranger's 401 counts too, and a page of another website cannot use up what somebody may ask."""
    assert statuses(limited, FREE + 1) == [401] * FREE + [429]
    written = limited.post("/samples/harbour-bikes", headers=BEN | {"Origin": "https://evil.example"})
    assert written.json["error"]["code"] == "cross_site_request"
    assert limited.get("/jobs", headers=BEN).headers["X-RateLimit-Remaining"] == str(FREE - 1)


def test_where_nobody_signs_in_nothing_is_counted(tmp_path):
    client = create_app(Settings(home=tmp_path, rate_free=1)).test_client()
    answers = [client.get("/models") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert not any(name.startswith("X-RateLimit") for answer in answers for name, _ in answer.headers)


def progress_token(client, job_id):
    return sign_progress(client.application.extensions["tunebook"], job_id, 60).token


def report(client, job_id, token):
    return client.post(f"/jobs/{job_id}/progress", json={}, headers={"Authorization": f"Bearer {token}"})


def test_a_notebooks_reports_have_a_generous_limit_of_their_own(limited, monkeypatch):
    monkeypatch.setattr("webapp.api.rate_limits._REPORTS_PER_MINUTE", FREE + 2)
    tokens = {job_id: progress_token(limited, job_id) for job_id in (new_id(), new_id())}
    for job_id, token in tokens.items():
        answers = [report(limited, job_id, token).status_code for _ in range(FREE + 3)]
        assert answers == [400] * (FREE + 2) + [429]  # the token is looked at first, then the body


def test_tokens_that_are_not_valid_count_with_their_address(limited):
    answers = [report(limited, new_id(), f"1999999999.{number}").status_code for number in range(FREE + 1)]
    assert answers == [401] * FREE + [429]


def test_a_proxy_in_front_says_who_asks(tmp_path):
    client = made(tmp_path, trusted_proxies=1).test_client()
    first = {"X-Forwarded-For": "198.51.100.1, 192.0.2.1"}
    assert statuses(client, FREE + 1, "/models", headers=first)[-1] == 429
    assert statuses(client, 1, "/models", headers={"X-Forwarded-For": "198.51.100.1, 192.0.2.2"}) == [200]


def test_without_a_proxy_nobody_speaks_for_another_address(limited):
    for number in range(FREE):
        limited.get("/models", headers={"X-Forwarded-For": f"192.0.2.{number}"})
    assert statuses(limited, 1, "/models", headers={"X-Forwarded-For": "192.0.2.99"}) == [429]


@pytest.fixture
def redis(tmp_path):
    if PROGRAM is None:
        pytest.skip("redis-server is not installed (Debian: apt install redis-server)")
    server = Redis(tmp_path)
    yield server
    server.stop()


def test_two_processes_count_together_in_redis(tmp_path, redis):
    first, second = (made(tmp_path / name, redis_url=redis.url).test_client() for name in ("a", "b"))
    assert statuses(first, FREE - 1, headers=ADA) == [200] * (FREE - 1)
    answer = second.get("/jobs", headers=ADA)
    assert (answer.status_code, answer.headers["X-RateLimit-Remaining"]) == (200, "0")
    assert first.get("/jobs", headers=ADA).status_code == second.get("/jobs", headers=ADA).status_code == 429


def test_while_redis_is_away_requests_are_answered_and_the_log_says_so(tmp_path, redis, capsys):
    client = made(tmp_path, redis_url=redis.url).test_client()
    assert statuses(client, 2, headers=ADA) == [200, 200]
    redis.stop()
    assert statuses(client, FREE, headers=ADA) == [200] * FREE  # counted anew, by this process alone
    assert client.get("/jobs", headers=ADA).status_code == 429
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert any(line["level"] == "warning" and "unreachable" in line["event"] for line in told)
    redis.start()
    until(lambda: client.get("/jobs", headers=ADA).status_code == 200)


def test_a_redis_that_was_never_there_fails_nothing(tmp_path):
    client = made(tmp_path, redis_url="redis://127.0.0.1:9/0").test_client()
    assert client.get("/jobs", headers=ADA).status_code == 200


def test_without_the_client_of_redis_it_does_not_start(tmp_path, monkeypatch):
    monkeypatch.setattr(services_module, "find_spec", lambda _: None)
    with pytest.raises(Problem) as caught:
        open_services(Settings(home=tmp_path, redis_url="redis://127.0.0.1:9/0"))
    assert (caught.value.code, caught.value.status) == ("redis_not_installed", 501)
