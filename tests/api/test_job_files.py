"""What a run left: events, printed output, files, the report."""

import json

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.jobs import attempts, claim
from webapp.workflow.job_files import run_key


@pytest.fixture
def run(client, services, sample):
    """A run that is under way: its id, and its URL."""
    notebook = workflow.generate(services, LOCAL, sample, "smollm2-360m")
    job = workflow.create_run(services, LOCAL, sample, notebook.id, "run")
    workflow.start_run(services, LOCAL, job.id)
    claim(services.db, "test", 60)
    return job.id, job.url


@pytest.fixture
def folder(services, run):
    """Its working folder, with what a run leaves there."""
    made = services.blobs.folder(run_key(run[0]))
    (made / "tunebook-run" / "adapter").mkdir(parents=True)
    (made / "tunebook-run" / "adapter" / "weights 1.bin").write_bytes(b"0123456789")
    (made / "executed.ipynb").write_bytes(b"{}")
    (made / "miniature").mkdir()
    (made / "miniature" / "config.json").write_bytes(b"{}")
    return made


def write(services, job_id, *events):
    assert attempts.write(services.db, job_id, 1, events, None)


def printed(text, **more):
    return ("stream", {"cell": 1, "name": "stdout", "text": text, **more})


def test_events_are_read_on_from_the_last_one_seen(client, services, run):
    job_id, url = run
    write(services, job_id, *[printed(f"{number}\n") for number in range(5)])
    events = client.get(f"{url}/events").json
    assert [event["type"] for event in events] == ["status"] * 3 + ["stream"] * 5
    assert set(events[0]) == {"seq", "attempt", "type", "data", "at"}
    numbers = [event["seq"] for event in events]
    assert numbers == sorted(set(numbers))
    assert client.get(f"{url}/events?after={numbers[4]}&limit=2").json == events[5:7]
    assert client.get(f"{url}/events?after={numbers[-1]}").json == []


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=1001"])
def test_a_wrong_parameter_is_named(client, run, query):
    answer = client.get(f"{run[1]}/events?{query}")
    assert (answer.status_code, answer.json["error"]["param"]) == (400, query.partition("=")[0])


def test_the_traceback_of_a_fault_of_ours_is_not_shown(client, services, run):
    write(services, run[0], ("traceback", {"text": "/a/server/path"}))
    assert b"/a/server/path" not in client.get(f"{run[1]}/events").data + client.get(f"{run[1]}/logs").data


def test_the_log_is_what_was_printed_as_plain_text(client, services, run):
    job_id, url = run
    assert client.get(f"{url}/logs").text == ""
    write(services, job_id, printed("<b>one</b>\n"), ("cell_started", {"cell": 2, "total": 3}), printed("tw"))
    write(services, job_id, printed("o\n"), printed("x", left_out=7))
    answer = client.get(f"{url}/logs")
    assert (answer.mimetype, answer.headers["X-Content-Type-Options"]) == ("text/plain", "nosniff")
    assert answer.text == "<b>one</b>\ntwo\nx\n[7 more characters are in the executed notebook]\n"


def test_a_long_log_is_whole(client, services, run):
    job_id, url = run
    write(services, job_id, *[printed(f"{number}\n") for number in range(450)])
    assert client.get(f"{url}/logs").text == "".join(f"{number}\n" for number in range(450))


def test_the_files_of_a_run_are_listed_and_fetched(client, run, folder):
    found = client.get(f"{run[1]}/artifacts").json
    assert [(item["name"], item["size"]) for item in found] == [
        ("executed.ipynb", 2),
        ("tunebook-run/adapter/weights 1.bin", 10),
    ]
    with client.get(found[1]["url"]) as answer:
        assert (answer.data, answer.mimetype) == (b"0123456789", "application/octet-stream")
        assert answer.headers["Content-Disposition"].startswith("attachment")
    with client.get(found[1]["url"], headers={"Range": "bytes=4-6"}) as part:
        assert (part.status_code, part.data) == (206, b"456")
    assert client.get(found[1]["url"], headers={"Range": "bytes=10-"}).status_code == 416


def test_a_run_that_has_not_begun_has_no_files(client, run):
    assert client.get(f"{run[1]}/artifacts").json == []


@pytest.mark.parametrize(
    "name",
    [
        "nothing",
        "miniature/config.json",
        "tunebook-run",
        "tunebook-run/adapter",
        "tunebook-run/../../../../tunebook.db",
        "tunebook-run/..%2f..%2f..%2f..%2ftunebook.db",
        "%2e%2e/%2e%2e/tunebook.db",
        "/etc/passwd",
        "//etc/passwd",
        "tunebook-run//adapter/weights 1.bin",
        "tunebook-run/link",
        "tunebook-run/folder/secret",
        "executed.ipynb%00",
    ],
)
def test_no_name_leads_to_anything_but_a_file_of_the_run(client, run, folder, tmp_path, name):
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "tunebook-run" / "link").symlink_to(tmp_path / "secret")
    (folder / "tunebook-run" / "folder").symlink_to(tmp_path)
    answer = client.get(f"{run[1]}/artifacts/{name}")
    assert answer.status_code == 404
    assert answer.json["error"]["code"] in ("artifact_not_found", "not_found")


def test_the_report_is_the_notebooks_own(client, run, folder):
    answer = client.get(f"{run[1]}/report")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "no_report")
    written = {"loss": {"eval_before": 2.5, "eval_after": float("nan")}, "steps": 3}
    (folder / "tunebook-run" / "report.json").write_text(json.dumps(written))
    assert client.get(f"{run[1]}/report").json == {"loss": {"eval_before": 2.5, "eval_after": None}, "steps": 3}
