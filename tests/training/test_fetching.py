"""The rows' file: fetched with resume, checked, and when the link is gone, asked for."""

import hashlib
import random
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType, SimpleNamespace

import pytest

from webapp.training import data
from webapp.training.data import fetch_file, read_data_file

CONTENT = random.Random(0).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "a.data.jsonl.gz"


class Site:
    """A server on this machine that answers the file's ranges; `faults` are (status, bytes to send), one a request."""

    def __init__(self):
        self.ranges, self.faults, self.content, self.knows_ranges = [], [], CONTENT, True
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked = self.headers["Range"]
                site.ranges.append(asked)
                status, sent = site.faults.pop(0) if site.faults else (None, None)
                start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and site.knows_ranges else 0
                if start >= len(site.content):
                    status = 416
                self.send_response(status or (206 if asked and site.knows_ranges else 200))
                body = b"" if status and status >= 400 else site.content[start:]
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[:sent])

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/data/token/{NAME}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def site(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.chdir(tmp_path)
    made = Site()
    yield made
    made.close()


def read(site, data_file=""):
    return read_data_file(data_file, NAME, site.url if site else None, len(CONTENT), SHA256)


def test_it_is_fetched_once_and_kept(site, tmp_path):
    assert read(site) == read(site) == CONTENT
    assert site.ranges == [None]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_broken_connection_is_resumed_where_it_ended(site, capsys):
    site.faults = [(None, 100_000), (None, 50_000)]
    assert read(site) == CONTENT
    assert site.ranges == [None, "bytes=100000-", "bytes=150000-"]
    assert "ended at 100,000 of 300,000 bytes" in capsys.readouterr().out


def test_a_run_that_was_killed_goes_on_from_its_part(site, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:123_456])
    assert read(site) == CONTENT
    assert site.ranges == ["bytes=123456-"]


def test_a_server_without_ranges_sends_it_all_again(site, tmp_path):
    site.knows_ranges = False
    (tmp_path / f"{NAME}.part").write_bytes(b"x" * 1000)
    assert read(site) == CONTENT


@pytest.mark.parametrize("part", [b"x" * 1000, b"x" * 300_000, b"x" * 300_001])
def test_a_wrong_part_is_thrown_away(site, tmp_path, part):
    (tmp_path / f"{NAME}.part").write_bytes(part)
    assert read(site) == CONTENT


def test_a_fault_of_the_server_is_tried_again(site):
    site.faults = [(503, None), (500, None)]
    assert read(site) == CONTENT
    assert len(site.ranges) == 3


def test_other_bytes_are_never_accepted(site, tmp_path):
    site.content = CONTENT[:-1] + b"x"
    with pytest.raises(ConnectionError, match=r"6 attempts failed.*SHA-256"):
        fetch_file(site.url, tmp_path / NAME, len(CONTENT), SHA256)
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_link_that_is_gone_is_not_asked_twice_and_the_way_out_is_told(site, status):
    site.faults = [(status, None)]
    with pytest.raises(FileNotFoundError, match=r"expired or was revoked.*Download a\.data\.jsonl\.gz.*data_file"):
        read(site)
    assert len(site.ranges) == 1


def test_a_file_given_by_name_needs_no_link(site, tmp_path):
    (tmp_path / "mine.gz").write_bytes(CONTENT)
    assert read(None, str(tmp_path / "mine.gz")) == CONTENT
    (tmp_path / "mine.gz").write_bytes(b"other")
    with pytest.raises(ValueError, match=r"another file: found 5 bytes"):
        read(site, str(tmp_path / "mine.gz"))
    with pytest.raises(FileNotFoundError):
        read(site, str(tmp_path / "nothing"))
    assert site.ranges == []


def test_without_link_and_file_it_says_what_to_do(site):
    with pytest.raises(FileNotFoundError, match=r"has no link.*beside the notebook"):
        read(None)


def test_another_file_under_its_name_is_fetched_over_and_without_a_link_told(site, tmp_path):
    (tmp_path / NAME).write_bytes(b"x" * len(CONTENT))
    with pytest.raises(FileNotFoundError, match=r"in this folder is another file.*beside the notebook"):
        read(None)
    assert read(site) == CONTENT
    assert (tmp_path / NAME).read_bytes() == CONTENT


@pytest.fixture
def colab(monkeypatch):
    """Colab's upload dialog; what it hands over can be set."""
    files = SimpleNamespace(upload=lambda: files.chosen, chosen={})
    package, module = ModuleType("google"), ModuleType("google.colab")
    package.colab, module.files = module, files
    monkeypatch.setitem(sys.modules, "google", package)
    monkeypatch.setitem(sys.modules, "google.colab", module)
    return files


def test_colab_asks_for_the_file_under_whatever_name_it_comes(site, colab, capsys, tmp_path):
    colab.chosen = {"a.data.jsonl (1).gz": CONTENT}
    assert read(None) == CONTENT
    assert f"Download {NAME}" in capsys.readouterr().out
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_dialog_that_was_closed_is_an_error(site, colab):
    with pytest.raises(FileNotFoundError, match="run this cell again"):
        read(None)
