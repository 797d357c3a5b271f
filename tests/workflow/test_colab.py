"""The way into Colab: secret gists by a stand-in of GitHub, the notebook's own address by a real server of this app."""

import ast
import base64
import hashlib
import json
import os
import ssl
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest
import requests
import trustme
from pydantic import SecretStr
from werkzeug.serving import make_server

from webapp import outbound, workflow
from webapp.accounts import LOCAL, Caller
from webapp.errors import Problem
from webapp.notebooks import delivery
from webapp.training.data import decrypt_payload
from webapp.workflow import colab

CREATED = {"id": "aa5a315d61ae9438b18d", "owner": {"login": "octo-cat"}, "html_url": "https://gist.github.com/x"}


class GitHub:
    """What `POST /gists` of GitHub's REST API answers, as documented; `asked` are the requests."""

    def __init__(self):
        self.status, self.answer, self.asked = 201, json.dumps(CREATED).encode(), []
        github = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                github.asked.append((self.path, dict(self.headers), body))
                status = github.status if self.headers["Authorization"] == "Bearer ghp_word" else 401
                self.send_response(status)
                self.send_header("Content-Length", str(len(github.answer)))
                self.end_headers()
                self.wfile.write(github.answer)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def notebook(self):
        """The one notebook of the last gist."""
        (file,) = self.asked[-1][2]["files"].values()
        return file["content"]


@pytest.fixture
def github():
    made = GitHub()
    yield made
    made.close()


@pytest.fixture
def having(services):
    """The services with other settings."""
    return lambda **settings: replace(services, settings=services.settings.model_copy(update=settings))


@pytest.fixture
def with_token(having, github):
    def make(**settings):
        return having(github_token=SecretStr("ghp_word"), github_api_url=github.url, **settings)

    return make


@pytest.fixture
def make(sample):
    return lambda services, **wanted: workflow.generate(services, LOCAL, sample, "smollm2-360m", **wanted)


def data_of(notebook):
    (source,) = [
        "".join(cell["source"]) for cell in json.loads(notebook)["cells"] if "data" in cell["metadata"].get("tags", [])
    ]
    return {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(source).body}


def rows_of(services, notebook):
    return services.blobs.path(f"datasets/{notebook.dataset_id}/examples/examples.jsonl.gz").read_bytes()


def test_without_token_and_address_the_commands_and_the_reason_are_left(services, make):
    opened = workflow.colab_link(services, LOCAL, make(services).id)
    assert (opened.url, opened.key) == (None, None)
    assert "GITHUB_TOKEN" in opened.reason
    assert opened.commands == [
        "colab new --gpu T4",
        "colab exec -f harbour_bikes-smollm2-360m.ipynb --timeout 86400",
        "colab download content/tunebook-run/report.json report.json",
        "colab download content/tunebook-run/model/adapter_model.safetensors adapter_model.safetensors",
        "colab download content/tunebook-run/model/adapter_config.json adapter_config.json",
        "colab stop",
    ]


def test_rows_that_are_a_file_are_uploaded_by_a_command(services, make, monkeypatch):
    monkeypatch.setattr(delivery, "MAX_EMBEDDED_BYTES", 1000)
    commands = workflow.colab_commands(make(services))
    name = "harbour_bikes-smollm2-360m.data.jsonl.gz"
    assert commands[1] == f"colab upload {name} content/{name}"


def test_somebody_elses_notebook_is_not_found(services, make):
    with pytest.raises(Problem, match="no notebook"):
        workflow.colab_link(services, Caller(id="ben"), make(services).id)


class TestGist:
    def test_is_secret_and_sent_as_githubs_documents_say(self, with_token, make, github):
        services = with_token()
        opened = workflow.colab_link(services, LOCAL, make(services).id)
        name = "harbour_bikes-smollm2-360m.ipynb"
        assert opened.url == f"https://colab.research.google.com/gist/octo-cat/{CREATED['id']}/{name}"
        assert opened.reason is None
        ((path, headers, body),) = github.asked
        assert path == "/gists"
        assert body["public"] is False
        assert list(body["files"]) == [name]
        headers = {key.lower(): value for key, value in headers.items()}
        assert headers["authorization"] == "Bearer ghp_word"
        assert headers["accept"] == "application/vnd.github+json"

    def test_holds_ciphertext_and_no_key_unless_the_person_agrees(self, with_token, make, github):
        services = with_token()
        notebook = make(services)
        rows = rows_of(services, notebook)
        opened = workflow.colab_link(services, LOCAL, notebook.id)
        data = data_of(github.notebook())
        assert data["dataset_key"] == ""
        assert opened.key not in github.notebook()
        assert decrypt_payload(base64.b64decode(data["dataset_base64"]), opened.key) == rows
        assert base64.b64encode(rows[:300]).decode() not in github.notebook()

    def test_holds_the_rows_when_the_person_agrees(self, with_token, make, github):
        services = with_token()
        notebook = make(services)
        opened = workflow.colab_link(services, LOCAL, notebook.id, share_rows=True)
        assert opened.key is None
        assert github.notebook().encode() == services.blobs.path(notebook.blob).read_bytes()

    def test_of_an_encrypted_notebook_never_holds_its_key_even_then(self, with_token, make, github):
        services = with_token()
        notebook = make(services, encrypted=True)
        stored = data_of(services.blobs.path(notebook.blob).read_text())
        opened = workflow.colab_link(services, LOCAL, notebook.id, share_rows=True)
        assert opened.key == stored["dataset_key"]
        assert opened.key not in github.notebook()
        assert data_of(github.notebook()) == stored | {"dataset_key": ""}

    def test_fetches_the_rows_by_a_link_when_other_machines_reach_the_app(self, with_token, make, github, app):
        services = with_token(public_url="https://tunebook.example")
        notebook = make(services)
        opened = workflow.colab_link(services, LOCAL, notebook.id)
        data = data_of(github.notebook())
        assert "dataset_key" not in data
        assert "dataset_base64" not in data
        with app.test_client().get(data["dataset_url"].removeprefix("https://tunebook.example")) as answer:
            assert answer.data == rows_of(services, notebook)
        assert opened.key is None
        (link,) = workflow.data_links(services, LOCAL, notebook.id)
        workflow.revoke_link(services, LOCAL, notebook.id, link.id)
        assert app.test_client().get(data["dataset_url"].removeprefix("https://tunebook.example")).status_code == 410

    def test_of_a_notebook_without_rows_is_the_notebook(self, with_token, make, github, monkeypatch):
        monkeypatch.setattr(delivery, "MAX_EMBEDDED_BYTES", 1000)
        services = with_token()
        notebook = make(services)
        assert workflow.colab_link(services, LOCAL, notebook.id).url
        assert github.notebook().encode() == services.blobs.path(notebook.blob).read_bytes()

    def test_has_a_new_link_where_that_of_the_notebook_ended(self, with_token, make, github, app, monkeypatch):
        monkeypatch.setattr(delivery, "MAX_EMBEDDED_BYTES", 1000)
        services = with_token(public_url="https://tunebook.example")
        notebook = make(services)
        stored = services.blobs.path(notebook.blob).read_text()
        workflow.colab_link(services, LOCAL, notebook.id)
        assert github.notebook() == stored
        (link,) = workflow.data_links(services, LOCAL, notebook.id)
        workflow.revoke_link(services, LOCAL, notebook.id, link.id)
        workflow.colab_link(services, LOCAL, notebook.id)
        new, old = data_of(github.notebook()), data_of(stored)
        assert new["dataset_url"] != old["dataset_url"]
        assert new["dataset_file_sha256"] == old["dataset_file_sha256"]
        with app.test_client().get(new["dataset_url"].removeprefix("https://tunebook.example")) as answer:
            assert answer.status_code == 200

    def test_has_no_link_by_plain_http(self, with_token, make, github):
        services = with_token(public_url="http://tunebook.example")
        workflow.colab_link(services, LOCAL, make(services).id)
        assert data_of(github.notebook())["dataset_key"] == ""

    def test_is_not_made_of_rows_that_were_mapped_otherwise(self, with_token, github, send, work):
        services = with_token()
        rows = "".join(f"Question {n},Answer {n},Remark {n}\n" for n in range(20))
        dataset = send(f"question,answer,remark\n{rows}".encode(), "data.csv").json["session_id"]
        work()
        notebook = workflow.generate(services, LOCAL, dataset, "smollm2-360m")
        workflow.map_columns(services, LOCAL, dataset, {"question": "prompt", "remark": "completion"})
        with pytest.raises(Problem) as pending:
            workflow.colab_link(services, LOCAL, notebook.id)
        assert pending.value.code == "analysis_pending"
        work()
        with pytest.raises(Problem) as changed:
            workflow.colab_link(services, LOCAL, notebook.id)
        assert changed.value.code == "dataset_changed"
        assert github.asked == []

    @pytest.mark.parametrize("status", [401, 403, 404, 422, 500, 302])
    def test_that_github_refuses_is_a_reason_without_the_token(self, with_token, make, github, status):
        github.status = status
        services = with_token()
        opened = workflow.colab_link(services, LOCAL, make(services).id)
        assert opened.url is None
        assert f"answered with {status}" in opened.reason
        assert "ghp_word" not in opened.reason
        assert opened.commands

    def test_that_was_not_made_leaves_no_link(self, with_token, make, github):
        github.status = 422
        services = with_token(public_url="https://127.0.0.1:9")
        notebook = make(services)
        assert workflow.colab_link(services, LOCAL, notebook.id).url is None
        assert workflow.data_links(services, LOCAL, notebook.id) == []

    @pytest.mark.parametrize(
        "answer", [b"", b"[]", b"{}", b'{"id": "../x", "owner": {"login": "a"}}', b'{"id": "a", "owner": null}']
    )
    def test_that_nobody_can_find_is_a_reason(self, with_token, make, github, answer):
        github.answer = answer
        services = with_token()
        assert "names no gist" in workflow.colab_link(services, LOCAL, make(services).id).reason

    def test_of_a_github_that_is_away_is_a_reason(self, with_token, make, github):
        services = with_token()
        notebook = make(services)
        github.close()
        assert "did not answer" in workflow.colab_link(services, LOCAL, notebook.id).reason


class TestAddress:
    @pytest.fixture
    def public(self, app, having, monkeypatch):
        """This app behind TLS, at a public address that leads here."""
        authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        monkeypatch.setattr(outbound, "_tls", lambda: trusting)
        server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield having(public_url=f"https://127.0.0.1:{server.server_port}/")
        server.shutdown()
        server.server_close()

    def test_is_given_once_colabs_page_could_fetch_it(self, public, make):
        notebook = make(public)
        opened = workflow.colab_link(public, LOCAL, notebook.id)
        start, encoded = opened.url.split("#fileId=")
        assert start == "https://colab.research.google.com/"
        assert encoded.startswith("https%3A//127.0.0.1%3A")
        path = unquote(encoded).split("/", 3)[3]
        token, filename = path.removeprefix("download/").split("/")
        content = workflow.notebook_file(public, token, filename).read_bytes()
        assert hashlib.sha256(content).hexdigest() == notebook.sha256

    def test_is_not_given_when_something_else_answers_there(self, public, make):
        notebook = make(public)
        public.blobs.path(notebook.blob).write_bytes(b"{}")
        assert "something else" in workflow.colab_link(public, LOCAL, notebook.id).reason

    def test_is_not_given_when_a_page_may_not_read_it(self, public, make, monkeypatch):
        notebook = make(public)
        monkeypatch.setattr(colab.outbound, "get", lambda *_, **__: without_cors(notebook, public))
        assert "does not let Colab's page" in workflow.colab_link(public, LOCAL, notebook.id).reason

    def test_is_not_given_when_nothing_is_there(self, having, make):
        away = having(public_url="https://127.0.0.1:9")
        assert "did not answer" in workflow.colab_link(away, LOCAL, make(away).id).reason

    def test_is_not_given_for_plain_http(self, having, make, monkeypatch):
        plain = having(public_url="http://tunebook.example")
        monkeypatch.setattr(colab.outbound, "get", None)
        assert workflow.colab_link(plain, LOCAL, make(plain).id).url is None

    def test_opens_the_notebook_of_a_run_that_was_handed_over_too(self, public, make):
        services, notebook = public, make(public)
        job = workflow.create_run(services, LOCAL, notebook.dataset_id, notebook.id, "run")
        made = workflow.hand_over_run(services, LOCAL, job.id)
        start, _, encoded = made.colab_url.partition("#fileId=")
        assert (start, made.reason) == ("https://colab.research.google.com/", None)
        assert unquote(encoded) == services.settings.public_url.rstrip("/") + made.notebook_path

    def test_of_a_run_is_not_given_when_nothing_is_there(self, having, make):
        away = having(public_url="https://127.0.0.1:9")
        notebook = make(away)
        job = workflow.create_run(away, LOCAL, notebook.dataset_id, notebook.id, "run")
        made = workflow.hand_over_run(away, LOCAL, job.id)
        assert made.colab_url is None
        assert made.reason

    def test_follows_a_gist_that_failed(self, public, make, github):
        github.status = 422
        settings = {"github_token": SecretStr("ghp_word"), "github_api_url": github.url}
        both = replace(public, settings=public.settings.model_copy(update=settings))
        assert "#fileId=" in workflow.colab_link(both, LOCAL, make(both).id).url


def without_cors(notebook, services):
    body = services.blobs.path(notebook.blob).read_bytes()
    return outbound.Answer(200, (outbound.httpx2.Headers({}),), body)


@pytest.mark.skipif(not os.environ.get("GITHUB_TOKEN"), reason="needs a GITHUB_TOKEN that may make gists")
def test_github_itself_makes_the_gist_and_forgets_it(having, make):
    token = os.environ["GITHUB_TOKEN"]
    services = having(github_token=SecretStr(token))
    opened = workflow.colab_link(services, LOCAL, make(services).id)
    if "did not answer" in (opened.reason or ""):
        pytest.skip(opened.reason)
    identity = opened.url.split("/")[5]
    headers = {"Authorization": f"Bearer {token}"}
    try:
        gist = requests.get(f"https://api.github.com/gists/{identity}", headers=headers, timeout=30).json()
        assert gist["public"] is False
    finally:
        requests.delete(f"https://api.github.com/gists/{identity}", headers=headers, timeout=30)
