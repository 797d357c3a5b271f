"""Reports of a run: what is told, to whom, and that nothing that becomes of them reaches the run."""

import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType, SimpleNamespace

import pytest

from webapp.training import posting, progress_reports
from webapp.training.posting import Postman
from webapp.training.progress_reports import LISTENING, METRICS_TYPE, Reporter, start_reporting

TOKEN = "s3cret.token"


class Post(BaseHTTPRequestHandler):
    """Answers as the site's script says: a status, or something to do."""

    def do_POST(self):
        site = self.server.site
        site.asked.append((self.path, self.headers.get("Authorization")))
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = next(site.script, 200)
        if callable(answer):
            answer = answer(self)
        if answer == 200:
            site.taken.append(body)
            site.arrived.set()
        if answer:
            content = json.dumps({"cancel": site.cancel}).encode()
            self.send_response(answer)
            for name, value in site.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_):
        pass


class Site:
    """A server that takes reports: what came, with its token, in what order."""

    def __init__(self):
        self.script, self.cancel, self.headers = iter(()), False, {}
        self.asked, self.taken, self.arrived = [], [], threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Post)
        self.server.daemon_threads, self.server.block_on_close, self.server.site = True, False, self
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/jobs/1/progress"

    def answers(self, *script):
        self.script = iter(script)

    def events(self):
        return [event for body in self.taken for event in body["events"]]

    def steps(self):
        return [event["step"] for event in self.events() if event["type"] == "metrics"]


@pytest.fixture
def site():
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(posting, "POST_SECONDS", 0.02)
    monkeypatch.setattr(posting, "FIRST_PAUSE", 0.02)


def told(url, steps=3):
    """A reporter that has told of some steps."""
    reporter = Reporter(Postman(url, TOKEN))
    for step in range(1, steps + 1):
        reporter.step({"step": step, "loss": 1 / step})
    return reporter


def test_a_run_is_told_from_its_start_to_its_end_in_order_under_one_name(site):
    told(site.url).complete()
    assert [event["type"] for event in site.events()] == ["status", *["metrics"] * 3, "status"]
    assert site.events()[0] == {"type": "status", "status": "running"}
    assert site.events()[2] == {"type": "metrics", "step": 2, "loss": 0.5}
    assert site.events()[-1] == {"type": "status", "status": "completed"}
    assert len({body["run"] for body in site.taken}) == 1
    assert set(site.asked) == {("/jobs/1/progress", f"Bearer {TOKEN}")}


def test_what_is_not_known_or_no_number_is_left_out(site):
    reporter = Reporter(Postman(site.url, TOKEN))
    reporter.step({"step": 1, "loss": float("nan"), "eval_loss": None, "grad_norm": float("inf"), "epoch": 0.5})
    reporter.complete()
    assert site.events()[1] == {"type": "metrics", "step": 1, "epoch": 0.5}


def test_what_a_server_could_not_take_is_sent_again_in_order(site):
    site.answers(500, 503, 429, 200, 500)
    told(site.url, steps=30).complete()
    assert site.steps() == list(range(1, 31))


def test_a_server_that_takes_a_batch_and_says_so_too_late_gets_it_again(site, monkeypatch):
    """Nothing is lost, so the server has to know what it has had already."""
    monkeypatch.setattr(posting, "POST_TIMEOUT", 0.1)

    def takes_and_hangs(handler):
        site.taken.append({"run": "-", "events": []})
        time.sleep(0.3)

    site.answers(takes_and_hangs)
    told(site.url).complete()
    assert site.steps() == [1, 2, 3]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 413, 422])
def test_a_refusal_is_said_once_and_nothing_more_is_sent(site, capsys, status):
    site.answers(*[status] * 100)
    reporter = told(site.url)
    reporter.complete()
    for step in range(4, 9):
        reporter.step({"step": step})
    reporter.complete()
    said = capsys.readouterr().out
    assert said.count("no more progress reports") == 1
    assert f"answered with status {status}" in said
    assert TOKEN not in said
    assert len(site.asked) == 1


def test_a_redirect_is_not_followed_with_the_token(site):
    site.headers = {"Location": site.url.replace("/jobs/1", "/elsewhere")}
    site.answers(302)
    told(site.url).complete()
    assert [path for path, _ in site.asked] == ["/jobs/1/progress"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "no address", "ftp://127.0.0.1/x", "http://[", ""])
def test_an_address_that_takes_nothing_costs_the_run_nothing(url, monkeypatch):
    monkeypatch.setattr(progress_reports, "SETTLE_SECONDS", 0.2)
    told(url, steps=1000).complete()


def test_what_cannot_be_sent_is_kept_up_to_a_bound_the_newest_first(site, monkeypatch):
    monkeypatch.setattr(posting, "KEPT_EVENTS", 50)
    site.answers(lambda _: released.wait(20) and 500)
    released = threading.Event()
    reporter = told(site.url, steps=1000)
    released.set()
    reporter.complete()
    assert site.steps()[-49:] == list(range(952, 1001))
    assert len(site.steps()) <= 50 + posting.BATCH_EVENTS


def test_a_server_that_hangs_holds_up_the_end_for_a_bounded_time_only(site, monkeypatch, capsys):
    monkeypatch.setattr(progress_reports, "SETTLE_SECONDS", 0.3)
    released = threading.Event()
    site.answers(*[lambda _: released.wait(20) and None] * 100)
    told(site.url, steps=1000).complete()
    assert not released.is_set()  # it came so far while the server still hangs
    assert "the last progress reports could not be sent" in capsys.readouterr().out
    released.set()


def test_the_answer_may_cancel_the_run(site):
    site.cancel = True
    reporter = told(site.url)
    assert site.arrived.wait(5)
    deadline = time.monotonic() + 5
    while not reporter.cancelled:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    site.cancel = False
    reporter.fail(RuntimeError("cancelled"))
    assert not reporter.cancelled  # run again, it is asked anew


def test_an_error_ends_the_run_and_what_follows_is_another_one(site):
    reporter = told(site.url, steps=1)
    reporter.fail(ValueError("no such row"))
    reporter.step({"step": 1})
    reporter.complete()
    reporter.fail(KeyError("after the end"))
    assert [event.get("status", event["type"]) for event in site.events()] == [
        "running", "metrics", "failed", "metrics", "completed",
    ]  # fmt: skip
    assert site.events()[2]["error"] == {"name": "ValueError", "value": "no such row"}
    runs = [body["run"] for body in site.taken for _ in body["events"]]
    assert runs[:3] == [runs[0]] * 3
    assert runs[3:] == [runs[3]] * 2
    assert runs[0] != runs[3]


class Shell:
    """As IPython's in a kernel: what is displayed, and who hears of cells."""

    kernel = object()

    def __init__(self):
        self.shown, self.listeners = [], []
        self.display_pub = SimpleNamespace(publish=lambda data, _: self.shown.append(data))
        self.events = SimpleNamespace(
            register=lambda _, call: self.listeners.append(call),
            unregister=lambda _, call: self.listeners.remove(call),
        )


@pytest.fixture
def shell(monkeypatch):
    made = Shell()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: made))
    return made


def displayed(shell):
    return [row["step"] for data in shell.shown for row in data[METRICS_TYPE]["rows"]]


def test_an_executor_that_listens_is_shown_the_rows_together(shell, monkeypatch):
    monkeypatch.setenv(LISTENING, "1")
    reporter = Reporter()
    for step in range(1, 101):
        reporter.step({"step": step}, last=step == 100)
    assert displayed(shell) == list(range(1, 101))
    assert len(shell.shown) == 2


def test_what_is_left_when_a_cell_ends_is_shown(shell, monkeypatch):
    monkeypatch.setenv(LISTENING, "1")
    reporter = start_reporting("", "")
    for step in (1, 2):
        reporter.step({"step": step})
    (after_cell,) = shell.listeners
    after_cell(SimpleNamespace(error_before_exec=None, error_in_exec=ValueError("x")))
    assert displayed(shell) == [1, 2]


def test_nobody_else_sees_messages_of_that_type(shell):
    Reporter().step({"step": 1}, last=True)
    assert shell.shown == []


def test_a_display_that_fails_is_no_concern_of_the_run(shell, monkeypatch):
    monkeypatch.setenv(LISTENING, "1")
    shell.display_pub = SimpleNamespace(publish=lambda *_: 1 / 0)
    reporter = Reporter()
    reporter.step({"step": 1}, last=True)
    reporter.complete()


def test_a_cell_that_fails_is_told_by_the_reporter_in_use_alone(site, shell):
    earlier = start_reporting(site.url, TOKEN)
    start_reporting(site.url, TOKEN, earlier)
    (after_cell,) = shell.listeners
    after_cell(SimpleNamespace(error_before_exec=None, error_in_exec=None))
    after_cell(SimpleNamespace(error_before_exec=None, error_in_exec=KeyboardInterrupt()))
    failed = [event for event in site.events() if event.get("status") == "failed"]
    assert [event["error"]["name"] for event in failed] == ["KeyboardInterrupt"]


def test_the_token_may_come_from_the_environment_or_from_colabs_secrets_but_is_never_said(
    site, shell, monkeypatch, capsys
):
    asked = []
    colab = ModuleType("google.colab")
    colab.userdata = SimpleNamespace(get=lambda name: asked.append(name) or TOKEN)
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    start_reporting("", "")
    assert asked == []  # Colab would ask the person about it
    start_reporting(site.url, "").complete()
    assert asked == ["TUNEBOOK_PROGRESS_TOKEN"]
    monkeypatch.setenv("TUNEBOOK_PROGRESS_TOKEN", TOKEN)
    monkeypatch.setenv("TUNEBOOK_PROGRESS_URL", site.url)
    start_reporting("", "").complete()
    assert len(asked) == 1
    assert {token for _, token in site.asked} == {f"Bearer {TOKEN}"}
    said = capsys.readouterr().out
    assert said == f"progress goes to {site.url}\n" * 2


def test_an_address_without_its_token_is_named(capsys):
    start_reporting("http://127.0.0.1:9/x", "")
    assert "needs progress_token" in capsys.readouterr().out


def test_a_script_that_crashes_says_so_and_shows_its_traceback(site):
    code = f"from webapp.training.progress_reports import *; start_reporting({site.url!r}, {TOKEN!r}); 1 / 0"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert site.events()[-1]["error"] == {"name": "ZeroDivisionError", "value": "division by zero"}
