"""A file on its way in a real browser: dropped, pasted, paused, broken off and gone on with; and its analysis."""

import hashlib
import json
import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.test_flow import assert_accessible
from tests.conftest import Server, conversation
from webapp.jobs import attempts
from webapp.storage import Database
from webapp.storage.tables import Dataset, Job, utc_now

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

MIB = 2**20
LINE = json.dumps(conversation(1))
DROP = """([name, text]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], name));
  const over = new DragEvent("dragover", { dataTransfer, cancelable: true });
  dispatchEvent(over);
  dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
}"""
PASTE = """(text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, cancelable: true }));
}"""
KEEP = """(record) => {
  const { lastModified } = document.getElementById("file").files[0];
  sessionStorage.setItem("tunebook.upload", JSON.stringify({ ...record, lastModified }));
}"""
MOVING = re.compile(r"^[\d.]+\s(KiB|MiB) of 20\sMiB, \d+%, [\d.]+\s(KiB|MiB)/s, [\d.]+\s(s|min) left$")


@pytest.fixture
def large(tmp_path):
    """A file of three parts, each of its lines another."""
    path = tmp_path / "large.jsonl"
    text = "x" * 100_000
    path.write_text("".join(json.dumps(conversation(number) | {"id": text}) + "\n" for number in range(209)))
    assert 16 * MIB < path.stat().st_size < 24 * MIB
    return path


def kept(server, page):
    db = Database(f"sqlite:///{server.home / 'tunebook.db'}")
    with db.reading() as session:
        found = session.get_one(Dataset, page.url.rpartition("/")[2])
    db.close()
    return found


@pytest.fixture
def line(page):
    """Sets how fast the browser sends, in bytes a second, without end unless told; at 0 it is offline."""
    session = page.context.new_cdp_session(page)

    def set_speed(speed=-1):
        session.send(
            "Network.emulateNetworkConditions",
            {"offline": speed == 0, "latency": 0, "downloadThroughput": -1, "uploadThroughput": speed},
        )

    return set_speed


@pytest.fixture
def asked(page):
    """What the page sends, each as its method and the last word of its address."""
    found = []
    page.on("request", lambda request: found.append(f"{request.method} {request.url.rpartition('/')[2]}"))
    return found


def choose(page, path):
    page.get_by_label("JSON lines, JSON, CSV").set_input_files(path)


def test_a_large_file_is_cancelled_sent_again_paused_and_goes_on_by_itself_after_a_dropped_connection(
    page, server, large, line, asked
):
    page.goto(server.url)
    choose(page, large)
    line(MIB / 4)
    page.get_by_role("button", name="Upload and analyse").click()
    expect(page.locator("#figures")).to_have_text(MOVING)
    with page.expect_response("**/cancel") as cancelled:
        page.get_by_role("button", name="Cancel").click()
    assert cancelled.value.json()["status"] == "cancelled"
    expect(page.get_by_text("Cancelled. Nothing of it is kept.")).to_be_attached()
    expect(page.locator("#chosen")).to_have_text("large.jsonl, 20 MiB.")
    expect(page.get_by_role("button", name="Upload and analyse")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    expect(page.get_by_label("Uploading large.jsonl")).to_be_visible()
    expect(page.locator("#figures")).to_have_text(MOVING)
    assert_accessible(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_label("Paused: large.jsonl")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_label("Uploading large.jsonl")).to_be_visible()
    line(0)
    expect(page.get_by_label("Waiting for the connection. It goes on by itself.")).to_be_visible()
    line()
    expect(page.get_by_role("heading", name="large.jsonl")).to_be_visible(timeout=30_000)
    assert kept(server, page).sha256 == hashlib.sha256(large.read_bytes()).hexdigest()
    assert (asked.count("POST uploads"), asked.count("POST complete")) == (2, 1)


def test_after_a_reload_the_same_file_goes_on_with_the_parts_that_are_missing(page, server, large, asked):
    content = large.read_bytes()
    begun = {"bytes": len(content), "filename": large.name, "mime_type": "", "purpose": "fine-tune"}
    upload_id = server.post("/v1/uploads", json=begun).json()["id"]
    # The page has heard of the first part, and of the second it has not.
    pieces = [content[start : start + 8 * MIB] for start in (0, 8 * MIB)]
    parts = [server.post(f"/v1/uploads/{upload_id}/parts", files={"data": piece}).json()["id"] for piece in pieces]
    page.goto(server.url)
    choose(page, large)
    known = {"name": large.name, "size": len(content), "id": upload_id, "partSize": 8 * MIB, "parts": parts[:1]}
    page.evaluate(KEEP, known)
    page.reload()
    expect(page.get_by_text("The upload of large.jsonl was not finished: 8 MiB of 20 MiB are here.")).to_be_visible()
    assert_accessible(page)
    choose(page, large)
    expect(page.locator("#chosen")).to_have_text("large.jsonl, 20 MiB; 8 MiB of it are here already.")
    page.get_by_role("button", name="Upload and analyse").click()
    expect(page.get_by_role("heading", name="large.jsonl")).to_be_visible(timeout=30_000)
    assert kept(server, page).sha256 == hashlib.sha256(content).hexdigest()
    assert (asked.count("POST uploads"), asked.count("POST parts")) == (0, 1)


def test_a_file_is_dropped_and_pasted_text_is_a_file(page, server):
    page.goto(server.url)
    page.evaluate(DROP, ["dropped.jsonl", LINE])
    expect(page.get_by_role("heading", name="dropped.jsonl")).to_be_visible()
    page.goto(server.url)
    page.evaluate(PASTE, "no data at all")
    expect(page.get_by_role("alert")).to_contain_text("neither JSON nor a table")
    assert_accessible(page)
    page.evaluate(PASTE, "question,answer\nWhere?,There.")
    expect(page.locator("#chosen")).to_have_text("pasted.csv, 29 bytes.")
    expect(page.get_by_role("button", name="Upload and analyse")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="pasted.csv")).to_be_visible()


def test_what_cannot_be_kept_is_said_in_place_before_it_is_sent_or_by_the_server(page, tmp_path):
    server = Server(tmp_path, {"TUNEBOOK_MAX_UPLOAD_BYTES": "2000"})
    server.start()
    sent = []
    page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    page.goto(server.url)
    page.evaluate(DROP, ["a.jsonl", "x" * 3000])
    expect(page.get_by_role("alert")).to_have_text(
        "a.jsonl has 2.93 KiB, and a file may have at most 1.95 KiB here. Nothing was sent."
    )
    page.evaluate(DROP, ["a.jsonl", ""])
    expect(page.get_by_role("alert")).to_have_text("a.jsonl is empty. Nothing was sent.")
    assert sent == []
    choose(page, {"name": "b.jsonl", "mimeType": "", "buffer": "{}".encode("utf-16")})
    page.get_by_role("button", name="Upload and analyse").click()
    expect(page.get_by_role("alert")).to_contain_text("UTF-16")
    expect(page.locator("#chosen")).to_contain_text("b.jsonl")
    assert sent == [f"{server.url}/upload"]
    server.stop()


def test_an_analysis_is_followed_to_its_report_and_can_be_called_off(page, server):
    db = Database(f"sqlite:///{server.home / 'tunebook.db'}")
    with db.session() as session:
        session.add(dataset := Dataset(filename="f.jsonl", size=1, sha256="", blob=""))
        session.flush()
        lease = utc_now() + timedelta(hours=1)  # this test plays the analysis
        session.add(job := Job(kind="analysis", dataset_id=dataset.id, status="running", attempt=1, lease_until=lease))
    page.goto(f"{server.url}/datasets/{dataset.id}")
    attempts.write(db, job.id, 1, [], (0.25, "Reading the file: 5 conversations so far"))
    expect(page.get_by_label("Reading the file: 5 conversations so far")).to_have_js_property("value", 0.25)
    expect(page).to_have_title("25% Analysing f.jsonl - Tunebook")
    assert_accessible(page)
    page.get_by_role("button", name="Cancel the analysis").click()
    expect(page.get_by_label("Calling it off")).to_be_visible()
    attempts.release(db, job.id, 1)
    expect(page.get_by_text("The analysis of this dataset was cancelled")).to_be_visible()
    db.close()
