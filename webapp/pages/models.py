"""Choosing a model: what it is for, which ones suit the dataset, two of them side by side, every one on every GPU."""

from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.context import caller, services
from webapp.catalog import THIS_MACHINE, Recommendation, Recommended, RunEstimate, find_gpu, gpus
from webapp.catalog.estimates import Fit
from webapp.errors import Problem
from webapp.pages.comparing import comparison
from webapp.pages.fit_cells import Cell, run_cost
from webapp.pages.forms import NO_LANGUAGE, Purpose, choices
from webapp.pages.memory_bars import memory_bar

_CARDS = 6


def add_to(bp: Blueprint) -> None:
    """Registers this page."""
    bp.get("/datasets/<dataset_id>/models", endpoint="models")(show)


def show(dataset_id: str) -> ResponseReturnValue:
    """The models for the purpose that the query string holds, else for what the rows look like."""
    state = workflow.dataset_state(services(), caller(), dataset_id)
    if not state.analysis:
        return redirect(url_for("pages.dataset", dataset_id=dataset_id))
    report = state.analysis
    purpose = Purpose.read(request.args).completed(report)
    shown: dict[str, Any] = {
        "state": state,
        "dataset": state.dataset,
        "report": report,
        "purpose": purpose,
        "choices": choices(),
        "languages": list(report.languages.shares.items()),
        "no_language": NO_LANGUAGE,
        "gate": workflow.gate(services(), caller(), dataset_id),
    }
    problem = None
    try:
        shown |= _recommended(dataset_id, purpose)
    except Problem as found:
        problem = found
    page = render_template("models.html", problem=problem, **shown)
    return make_response(page, problem.status if problem else 200)


def _recommended(dataset_id: str, purpose: Purpose) -> dict[str, Any]:
    """What the page shows for a purpose; raises the Problems of `workflow.recommend`."""
    recommendation = workflow.recommend(
        services(),
        caller(),
        dataset_id,
        task=purpose.task_type,
        target=purpose.deployment_target,
        gpu=purpose.gpu,
        gated=purpose.gated,
        preset=purpose.preset,
        languages=purpose.language,
    )
    found = recommendation.recommendations
    return {
        "recommendation": recommendation,
        "best": found[:_CARDS],
        "others": found[_CARDS:],
        "bars": {item.model.id: memory_bar(item.memory.to_dict()) for item in found},
        "parts": [(name, None) for name in found[0].memory.parts],
        "run_cost": run_cost,
        "compared": _compared(recommendation),
        **_table(dataset_id, recommendation, purpose.preset),
    }


def _compared(recommendation: Recommendation) -> dict[str, Any]:
    """The two models of `compare` side by side, or why there are not two."""
    wanted = list(dict.fromkeys(request.args.getlist("compare")))
    if not wanted:
        return {}
    by_id: dict[str, Recommended] = {item.model.id: item for item in recommendation.recommendations}
    pair = [by_id[name] for name in wanted if name in by_id]
    if len(pair) != 2:
        return {"wanted": wanted, "reason": "Tick two of the models below; only recommended ones can be compared."}
    return {"wanted": wanted, "pair": pair, "rows": comparison(pair[0], pair[1], recommendation.target)}


def _table(dataset_id: str, recommendation: Recommendation, preset: str) -> dict[str, Any]:
    """The recommended models on every machine, with the rows of this dataset."""
    machines = (find_gpu(THIS_MACHINE), *gpus())
    listed = [item.model for item in recommendation.recommendations]
    found = workflow.fittings(services(), caller(), dataset_id, listed, machines, preset=preset)
    return {"machines": machines, "table": [(model, [_cell(*each) for each in cells]) for model, cells in found]}


def _cell(fit: Fit, gib: float | None, run: RunEstimate | None) -> Cell:
    return Cell.of(fit, gib, run.minutes if run else None, run_cost(run.costs) if run else "")
