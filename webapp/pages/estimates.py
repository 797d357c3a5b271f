"""What fine-tuning takes: every model on every machine, beside what others published and what we measured."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import ValidationError

from webapp import workflow
from webapp.api.context import services
from webapp.api.errors import validation_problem
from webapp.api.schemas import EstimateQuery
from webapp.catalog import (
    METHOD_NAMES,
    BaseModel,
    Gpu,
    estimate,
    find_gpu,
    gpus,
    models,
    published_peaks,
    published_speeds,
)
from webapp.catalog.gpus import THIS_MACHINE
from webapp.catalog.prices import unpriced
from webapp.errors import Problem
from webapp.pages.fit_cells import Cell, rate
from webapp.pages.forms import typed_number

_FIELDS = ("method", "length", "batch")


def add_to(bp: Blueprint) -> None:
    """Registers these pages."""
    bp.get("/estimates", endpoint="estimates")(show)


def show() -> ResponseReturnValue:
    """The tables for the method, length and batch of the query string."""
    given = {name: request.args[name] for name in _FIELDS if request.args.get(name)}
    problem, wanted = None, EstimateQuery(model_id="")
    try:
        wanted = _read(given)
    except ValidationError as error:
        problem = validation_problem(error)
    machines = (find_gpu(THIS_MACHINE), *gpus())
    page = render_template(
        "estimates.html",
        problem=problem,
        wanted=wanted,
        given=given,
        methods=METHOD_NAMES,
        bounds=EstimateQuery.model_json_schema()["properties"],
        machines=machines,
        unpriced=[(provider, gpu) for gpu in machines for provider in unpriced(gpu)],
        rows=[(model, list(_cells(model, machines, wanted))) for model in models()],
        peaks=published_peaks(),
        speeds=published_speeds(),
        own=workflow.own_errors(services()),
    )
    return make_response(page, problem.status if problem else 200)


def _read(given: Mapping[str, str]) -> EstimateQuery:
    """What the form asks for; raises pydantic's ValidationError."""
    values: dict[str, Any] = {name: typed_number(text) if name != "method" else text for name, text in given.items()}
    return EstimateQuery(model_id="", **values)


def _cells(model: BaseModel, machines: tuple[Gpu, ...], wanted: EstimateQuery) -> Iterator[Cell | None]:
    """A cell for each machine; None where the method or the length is not to be had."""
    for gpu in machines:
        try:
            found = estimate(model, gpu, wanted.method, length=wanted.length, batch=wanted.batch)
        except Problem:
            yield None
        else:
            minutes = found.minutes_per_million_tokens
            yield Cell.of(found.fit, found.memory.mid, minutes, rate(found.costs_per_million_tokens))
