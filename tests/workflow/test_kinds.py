"""What the process of a job does."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.datasets import reading
from webapp.errors import Problem
from webapp.jobs import JobContext, read_events
from webapp.jobs.executors import Event
from webapp.notebooks import delivery
from webapp.notebooks.running import RunReport
from webapp.workflow import kinds

LINE = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b%d"}]}\n'
DONE = RunReport("completed", 12.0, {"total": 12, "executed": 12}, steps=100)
FAILURE = {"code": "notebook_failed", "cause": None, "sentence": "boom", "change": None, "hint": None}
BROKEN = RunReport(
    "failed",
    3.0,
    {"total": 12, "executed": 4},
    error={"code": "cell_failed", "message": "ValueError in cell 5 of 12: boom", "cell": 4, "failure": FAILURE},
)

OUT_OF_TIME = RunReport(
    "failed",
    60.0,
    {"total": 12, "executed": 8},
    error={"code": "timed_out", "message": "The run was stopped after 60 seconds, in cell 9 of 12.", "cell": 8},
    steps=7,
)


@pytest.fixture
def dry_run(services, sample, work, monkeypatch):
    """Runs a dry run whose executor does as it is told, and answers how the job stands."""

    def run(report, events=()):
        seen = {}

        def play(notebook, workdir, watch, data_file):
            seen.update(notebook=notebook, workdir=workdir, watch=watch, data_file=data_file)
            for event in events:
                watch.on_event(event)
            return report

        monkeypatch.setattr(kinds, "dry_run", play)
        notebook = workflow.generate(services, LOCAL, sample, "smollm2-360m")
        job = workflow.start_dry_run(services, LOCAL, notebook.id)
        work()
        return workflow.job_status(services, LOCAL, job.id), seen

    return run


def test_a_kernel_that_is_killed_gets_one_more_try(dry_run, monkeypatch):
    error = {"code": "kernel_died", "message": "was ended by signal 9 (SIGKILL).", "cell": 8, "failure": FAILURE}
    job, _ = dry_run(replace(OUT_OF_TIME, error=error))
    assert (job.status, job.error["code"], job.attempt) == ("failed", "kernel_died", 2)
    assert job.error["details"]["failure"] == FAILURE


def test_a_dry_run_that_completes_has_its_report_as_result(dry_run, settings):
    job, seen = dry_run(DONE)
    assert (job.status, job.error) == ("completed", None)
    assert job.result == DONE.to_dict()
    assert seen["notebook"].suffix == ".ipynb"
    assert seen["workdir"].name == job.id
    assert seen["watch"].timeout == settings.job_timeout


def test_a_dry_run_that_fails_has_both_an_error_and_its_report(dry_run):
    job, _ = dry_run(BROKEN)
    assert job.status == "failed"
    assert job.error["code"] == "cell_failed"
    assert job.error["details"] == {"failure": FAILURE}
    assert job.result["cells"] == {"total": 12, "executed": 4}


def test_what_a_run_leaves_is_settled_whether_it_went_well_or_not(dry_run, services, monkeypatch):
    settled = []
    monkeypatch.setattr(type(services.blobs), "settle", lambda _, key, names: settled.append((key, names)))
    jobs = [dry_run(report)[0].id for report in (DONE, BROKEN)]
    assert settled == [(f"runs/{job}", []) for job in jobs]


def test_a_run_does_not_fail_when_its_files_cannot_be_settled(dry_run, services, monkeypatch):
    def away(*_):
        raise Problem("supabase_unavailable", "Storage is away.", status=503)

    monkeypatch.setattr(type(services.blobs), "settle", away)
    job, _ = dry_run(DONE)
    assert job.status == "completed"
    assert "on this machine only: Storage is away." in "".join(workflow.job_log(services, LOCAL, job.id))


@pytest.fixture
def real_run(services, sample, work, monkeypatch):
    """Runs a notebook as it is, by an executor that does as it is told; answers how the job stands, and what it saw."""

    def run(report, **limits):
        seen = {}

        def play(notebook, workdir, watch, data_file):
            seen.update(notebook=notebook, workdir=workdir, watch=watch, data_file=data_file)
            return report

        monkeypatch.setattr(kinds, "executor", lambda *_: SimpleNamespace(run=play))
        notebook = workflow.generate(services, LOCAL, sample, "smollm2-360m")
        job = workflow.create_run(services, LOCAL, sample, notebook.id, "run", **limits)
        workflow.start_run(services, LOCAL, job.id)
        work()
        return workflow.job_status(services, LOCAL, job.id), seen

    return run


def test_a_run_takes_the_notebook_as_it_is_for_as_long_as_its_job_may(real_run, settings):
    job, seen = real_run(DONE)
    assert (job.status, job.result) == ("completed", DONE.to_dict())
    assert seen["watch"].timeout == settings.run_timeout
    assert real_run(DONE, timeout=60)[1]["watch"].timeout == 60


def test_a_run_out_of_time_fails_and_when_resumed_goes_on_in_its_folder(real_run, services, work, monkeypatch):
    job, first = real_run(OUT_OF_TIME)
    assert (job.status, job.error["code"], job.result["steps"]) == ("failed", "timed_out", 7)
    again = {}

    def play(_notebook, workdir, *_):
        again["workdir"] = workdir
        return DONE

    monkeypatch.setattr(kinds, "executor", lambda *_: SimpleNamespace(run=play))
    workflow.resume_run(services, LOCAL, job.id)
    work()
    job = workflow.job_status(services, LOCAL, job.id)
    assert (job.status, job.error, job.attempt) == ("completed", None, 2)
    assert again["workdir"] == first["workdir"]


def test_a_run_is_handed_the_rows_that_its_notebook_does_not_carry(real_run, monkeypatch):
    monkeypatch.setattr(delivery, "MAX_EMBEDDED_BYTES", 1000)
    assert real_run(DONE)[1]["data_file"].is_file()


def test_the_events_of_a_run_are_kept_and_its_last_words_shown(dry_run, services):
    events = [
        Event("cell_started", {"cell": 8, "total": 12}),
        Event("metrics", {"step": 50, "total_steps": 100, "loss": 1.5}),
        Event("stream", {"cell": 8, "name": "stdout", "text": "saved\n"}),
        Event("metrics", {"step": 50, "total_steps": 100, "loss": 9.9}),
        Event("metrics", {"step": 51, "total_steps": 100, "loss": 1.25, "eta_seconds": 40.0}),
    ]
    job, _ = dry_run(BROKEN, events)
    assert job.progress == pytest.approx(8.51 / 12)
    assert job.message == "step 51/100  loss 1.2500  40 s left"
    with services.db.reading() as session:
        kept = [event.data for event in read_events(session, job.id) if event.type in ("stream", "metrics")]
    assert kept == [events[1].data, events[2].data, events[4].data]


def test_an_analysis_says_what_it_is_at_and_when_its_report_is_there(services, work, monkeypatch):
    told = []
    report = JobContext.report
    monkeypatch.setattr(JobContext, "report", lambda job, *said: (told.append(said), report(job, *said))[1])
    monkeypatch.setattr(reading, "BLOCK_BYTES", 4 * len(LINE))
    dataset = workflow.upload(services, LOCAL, "a.jsonl", [LINE % number for number in range(7)])
    work()
    assert [message for _, message in told] == [
        "Reading the file: 4 conversations so far",
        "Comparing 7 conversations with each other",
        "Comparing 7 conversations with each other",
    ]
    with services.db.reading() as session:
        job = workflow.dataset_state(services, LOCAL, dataset.id).job
        said = [event.type for event in read_events(session, job.id)]
    assert said[-2:] == ["report", "status"]


def test_an_analysis_that_fails_leaves_no_rows_behind(services, work):
    dataset = workflow.upload(services, LOCAL, "a.jsonl", [b"not json"])
    work()
    state = workflow.dataset_state(services, LOCAL, dataset.id)
    assert state.job.error["code"] == "no_valid_examples"
    assert not services.blobs.exists(f"datasets/{dataset.id}/examples")


def test_the_report_is_there_before_anything_is_measured(services, work, monkeypatch):
    seen = []

    def look(services, dataset_id):
        seen.append(workflow.dataset_state(services, LOCAL, dataset_id).analysis.total_examples)
        seen.append(workflow.gate(services, LOCAL, dataset_id))

    monkeypatch.setattr(kinds, "keep_findings", look)
    workflow.upload(services, LOCAL, "a.jsonl", [LINE % number for number in range(12)])
    work()
    assert seen == [12, None]


def test_a_dry_run_is_handed_the_rows_that_the_notebook_does_not_carry(dry_run, services, sample, monkeypatch):
    assert dry_run(DONE)[1]["data_file"] is None
    monkeypatch.setattr(delivery, "MAX_EMBEDDED_BYTES", 1000)
    _, seen = dry_run(DONE)
    assert seen["data_file"].parent == services.blobs.path("notebooks")
    rows = services.blobs.path(f"datasets/{sample}/examples/examples.jsonl.gz")
    assert seen["data_file"].read_bytes() == rows.read_bytes()


def test_the_rows_are_compressed_by_the_analysis_and_not_by_the_server(services, sample):
    assert services.blobs.exists(f"datasets/{sample}/examples/examples.jsonl.gz")


def test_only_a_person_ends_what_a_run_has_elsewhere(services, sample, work, monkeypatch):
    seen = []

    def play(_notebook, _workdir, watch, _rows):
        seen.append(watch.goes_on())
        with monkeypatch.context() as patch:
            patch.setattr(services.db, "reading", away)
            seen.append(watch.goes_on())
        workflow.cancel_job(services, LOCAL, job.id)
        seen.append(watch.goes_on())
        return DONE

    def away():
        raise Problem("storage_unavailable", "It is away.", status=503)

    monkeypatch.setattr(kinds, "executor", lambda *_: SimpleNamespace(run=play))
    notebook = workflow.generate(services, LOCAL, sample, "smollm2-360m")
    job = workflow.create_run(services, LOCAL, sample, notebook.id, "run", executor="ray")
    workflow.start_run(services, LOCAL, job.id)
    work()
    assert seen == [True, True, False]
