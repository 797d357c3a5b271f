"""Predictions against measurements: what each finished run adds, and how far off they have been so far."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import msgspec
import structlog
from msgspec import Meta
from sqlalchemy import delete, select

from webapp.catalog import Gpu, Method, find_gpu, find_model
from webapp.catalog.duration import SPREAD, batch_seconds
from webapp.catalog.gpus import THIS_MACHINE, processor
from webapp.catalog.memory import dimensions
from webapp.notebooks.results import REPORT
from webapp.storage.tables import Measurement
from webapp.training.memory import Dimensions
from webapp.workflow.services import Services

log = structlog.get_logger("tunebook.measurements")

Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(gt=0)]


class _Training(msgspec.Struct):
    seconds: Positive
    tokens_per_second: Positive
    batch_size: Count
    gradient_accumulation: Count


class _Memory(msgspec.Struct):
    predicted_bytes: dict[str, float]
    peak_bytes: Count | None


class _Parameters(msgspec.Struct):
    gradient_checkpointing: bool


class _Report(msgspec.Struct):
    """What is read of the `report.json` that a notebook writes."""

    method: Method
    hardware: str
    miniature: bool
    steps: Count
    training: _Training
    memory: _Memory
    parameters: _Parameters


@dataclass(frozen=True)
class OwnError:
    """How `runs` predictions compare with what was measured; all but the counts are None where there is nothing yet.

    `seconds` and `bytes` are medians of predicted over measured, less one: at 0.1, half of the predictions were more
    than 10 % too high. `within` is the share of the runs whose time was inside the range.
    """

    runs: int
    seconds: float | None
    within: float | None
    peaks: int
    bytes: float | None


def record_measurement(services: Services, job_id: str, model_id: str, workdir: Path) -> None:
    """Keeps what the run that a job finished in `workdir` is predicted to take, and what it took.

    The prediction is made afterwards, of the rows and steps that the run had. A second attempt replaces the first.
    Never raises: a run whose report cannot be used is logged, and has been successful all the same.
    """
    try:
        measured = _measurement(job_id, model_id, workdir)
        with services.db.session() as session:
            session.execute(delete(Measurement).where(Measurement.job_id == job_id))
            session.add(measured)
    except Exception:
        log.warning("measurement_left_out", job=job_id, model=model_id, exc_info=True)


def own_errors(services: Services) -> dict[str, OwnError]:
    """How near the predictions have been: of real runs as `runs`, of dry runs on miniatures as `dry_runs`."""
    with services.db.reading() as session:
        found = session.scalars(select(Measurement)).all()
    return {
        "runs": _error([item for item in found if not item.miniature]),
        "dry_runs": _error([item for item in found if item.miniature]),
    }


def _error(found: Sequence[Measurement]) -> OwnError:
    times = [item.predicted_seconds / item.measured_seconds for item in found]
    peaks = [item.predicted_bytes / item.measured_bytes for item in found if item.measured_bytes]
    return OwnError(
        runs=len(times),
        seconds=median(times) - 1 if times else None,
        within=sum(1 / SPREAD <= ratio <= SPREAD for ratio in times) / len(times) if times else None,
        peaks=len(peaks),
        bytes=median(peaks) - 1 if peaks else None,
    )


def _measurement(job_id: str, model_id: str, workdir: Path) -> Measurement:
    """What the run's report says, beside the prediction; raises where there is none, or it cannot be used."""
    # json.loads and not msgspec's decoder: a loss may be NaN, as Python writes it.
    written = json.loads((workdir / REPORT).read_text(encoding="utf-8"))
    report = msgspec.convert(written, _Report)
    return Measurement(
        job_id=job_id,
        model_id=model_id,
        method=report.method,
        gpu=report.hardware,
        miniature=report.miniature,
        predicted_seconds=_predicted_seconds(report, model_id, workdir),
        measured_seconds=report.training.seconds,
        predicted_bytes=round(sum(report.memory.predicted_bytes.values())),
        measured_bytes=report.memory.peak_bytes,
    )


def _predicted_seconds(report: _Report, model_id: str, workdir: Path) -> float:
    """Seconds of its optimiser steps: micro-batches of the rows that it read, by the shape that was trained."""
    training = report.training
    batches = report.steps * training.gradient_accumulation
    tokens = training.tokens_per_second * training.seconds
    length = max(1, round(tokens / (batches * training.batch_size)))
    of = _miniature(workdir / "miniature") if report.miniature else dimensions(find_model(model_id))
    seconds = batch_seconds(
        of,
        _machine(report),
        report.method,
        rows=training.batch_size,
        length=length,
        checkpointing=report.parameters.gradient_checkpointing,
    )
    return batches * seconds


def _machine(report: _Report) -> Gpu:
    """Where it ran: a dry run has one core, and a run without a card has them all."""
    if report.miniature:
        return processor(1)
    return find_gpu(THIS_MACHINE)


def _miniature(folder: Path) -> Dimensions:
    """The dimensions of the miniature in this folder."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    made = json.loads((folder / "miniature.json").read_text(encoding="utf-8"))
    tables = 1 if config.get("tie_word_embeddings") else 2
    return Dimensions(
        parameters=made["parameters"],
        other_towers=0,
        embeddings=tables * config["vocab_size"] * config["hidden_size"],
        layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        query_width=config["num_attention_heads"] * config["head_dim"],
        kv_width=config["num_key_value_heads"] * config["head_dim"],
        ffn=config["intermediate_size"],
        vocab=config["vocab_size"],
    )
