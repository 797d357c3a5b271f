"""Predictions against measurements: finished runs add themselves."""

import json

import pytest
from sqlalchemy import select

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.notebooks.results import RESULTS
from webapp.notebooks.running import RunReport
from webapp.storage.tables import Job, Measurement
from webapp.workflow import kinds
from webapp.workflow.measuring import record_measurement

MINIATURE = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 192,
    "vocab_size": 500,
    "tie_word_embeddings": True,
}


def report(*, miniature=False, peak=None, seconds=4.0):
    """What a notebook writes: 50 steps of 2 x 4 rows of 100 tokens."""
    return {
        "method": "lora",
        "hardware": "CPU" if peak is None else "Tesla T4",
        "miniature": miniature,
        "steps": 50,
        "training": {
            "seconds": seconds,
            "tokens_per_second": 50 * 2 * 4 * 100 / seconds if seconds else 0,
            "batch_size": 4,
            "gradient_accumulation": 2,
        },
        "memory": {"predicted_bytes": {"weights": 5e9, "overhead": 1e9}, "peak_bytes": peak},
        "parameters": {"gradient_checkpointing": True},
    }


@pytest.fixture
def finish(services, tmp_path):
    """Records a finished run with this report for a new job; answers the job's id."""

    def run(written, job_id=None):
        (tmp_path / RESULTS).mkdir(exist_ok=True)
        (tmp_path / RESULTS / "report.json").write_text(json.dumps(written))
        (tmp_path / "miniature").mkdir(exist_ok=True)
        (tmp_path / "miniature/config.json").write_text(json.dumps(MINIATURE))
        (tmp_path / "miniature/miniature.json").write_text(json.dumps({"parameters": 150_000}))
        if job_id is None:
            dataset = workflow.upload_sample(services, LOCAL)
            with services.db.session() as session:
                job_id = session.scalars(select(Job.id).where(Job.dataset_id == dataset.id)).one()
        record_measurement(services, job_id, "qwen3-1.7b", tmp_path)
        return job_id

    yield run
    with services.db.session() as session:
        for measurement in session.scalars(select(Measurement)):
            session.delete(measurement)


def stored(services, job_id):
    with services.db.reading() as session:
        return session.scalars(select(Measurement).where(Measurement.job_id == job_id)).all()


def test_a_run_is_kept_with_what_was_predicted(services, finish):
    (kept,) = stored(services, finish(report(peak=5_000_000_000)))
    assert (kept.model_id, kept.method, kept.gpu, kept.miniature) == ("qwen3-1.7b", "lora", "Tesla T4", False)
    assert (kept.predicted_bytes, kept.measured_bytes) == (6_000_000_000, 5_000_000_000)
    assert kept.measured_seconds == 4.0
    assert kept.predicted_seconds > 50 * 2 * 28 * 0.005 - 1  # at least the kernels of 28 layers


def test_a_dry_runs_prediction_is_made_for_its_miniature(services, finish):
    (kept,) = stored(services, finish(report(miniature=True)))
    assert kept.miniature
    assert kept.measured_bytes is None
    assert 0.1 < kept.predicted_seconds < 60


def test_another_attempt_replaces_the_first(services, finish):
    job_id = finish(report())
    finish(report(seconds=8.0), job_id)
    (kept,) = stored(services, job_id)
    assert kept.measured_seconds == 8.0


@pytest.mark.parametrize("written", [{}, {"steps": 3}, report(seconds=0.0)])
def test_a_run_that_measured_nothing_adds_nothing(services, finish, written):
    assert stored(services, finish(written)) == []


def test_a_shape_that_cannot_be_read_costs_no_run_its_success(services, finish, monkeypatch):
    monkeypatch.delitem(MINIATURE, "head_dim")
    assert stored(services, finish(report(miniature=True))) == []


BROKEN = {
    "no memory": {"memory": None},
    "no training": {"training": None},
    "no parameters": {"parameters": None},
    "no peak": {"memory": {"predicted_bytes": {"weights": 5e9}}},
    "tokens without end": {"training": report()["training"] | {"tokens_per_second": float("inf")}},
    "seconds without end": {"training": report()["training"] | {"seconds": float("inf")}},
    "no number": {"training": report()["training"] | {"seconds": float("nan")}},
    "no steps": {"steps": 0},
    "bytes without end": {"memory": {"predicted_bytes": {"weights": float("inf")}, "peak_bytes": None}},
    "a peak in words": {"memory": {"predicted_bytes": {"weights": 5e9}, "peak_bytes": "much"}},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_report_that_cannot_be_used_is_logged_and_costs_no_run_its_success(services, finish, capsys, broken):
    job_id = finish(report() | broken)
    assert stored(services, job_id) == []
    logged = capsys.readouterr().err
    assert "measurement_left_out" in logged
    assert job_id in logged


@pytest.mark.parametrize("written", [b"", b"{", b"[1]", b"3", b"null", b"\xff"])
def test_nor_does_a_file_that_is_no_report(services, finish, tmp_path, written):
    job_id = finish(report())
    (tmp_path / RESULTS / "report.json").write_bytes(written)
    record_measurement(services, job_id, "qwen3-1.7b", tmp_path)
    (tmp_path / RESULTS / "report.json").unlink()
    record_measurement(services, job_id, "qwen3-1.7b", tmp_path)
    assert len(stored(services, job_id)) == 1


def test_nor_does_a_store_that_fails(services, finish, capsys):
    finish(report(), job_id="no such job")
    assert "measurement_left_out" in capsys.readouterr().err


def test_a_run_whose_loss_is_no_number_is_kept(services, finish):
    """Its time was measured all the same."""
    assert stored(services, finish(report() | {"loss": {"train": [float("nan")]}}))


def test_errors_are_medians_and_miniatures_are_told_apart(services, finish):
    assert workflow.own_errors(services)["runs"].seconds is None
    for peak in (5_000_000_000, 6_000_000_000, 7_500_000_000):
        finish(report(peak=peak))
    finish(report(miniature=True))
    errors = workflow.own_errors(services)
    assert (errors["runs"].runs, errors["runs"].peaks) == (3, 3)
    assert errors["runs"].bytes == pytest.approx(0.0)
    assert (errors["dry_runs"].runs, errors["dry_runs"].peaks, errors["dry_runs"].bytes) == (1, 0, None)


def test_time_inside_the_range_counts_as_within(services, finish):
    (first,) = stored(services, finish(report()))
    for factor in (1.5, 0.7, 2.0):
        finish(report(seconds=first.predicted_seconds * factor))
    errors = workflow.own_errors(services)["runs"]
    assert errors.runs == 4
    assert errors.within == pytest.approx(2 / 4)


def test_a_finished_dry_run_adds_itself(services, sample, work, monkeypatch, finish):
    def play(notebook, workdir, watch, data_file):
        (workdir / RESULTS).mkdir(parents=True)
        (workdir / RESULTS / "report.json").write_text(json.dumps(report(miniature=True)))
        (workdir / "miniature").mkdir()
        (workdir / "miniature/config.json").write_text(json.dumps(MINIATURE))
        (workdir / "miniature/miniature.json").write_text(json.dumps({"parameters": 150_000}))
        return RunReport("completed", 4.0, {"total": 1, "executed": 1})

    monkeypatch.setattr(kinds, "dry_run", play)
    notebook = workflow.generate(services, LOCAL, sample, "smollm2-360m")
    job = workflow.start_dry_run(services, LOCAL, notebook.id)
    work()
    (kept,) = stored(services, job.id)
    assert (kept.model_id, kept.miniature) == ("smollm2-360m", True)
