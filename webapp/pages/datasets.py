"""One dataset: what is wrong with it, which model suits it, and the plan that makes the notebook."""

from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.context import caller, services
from webapp.catalog import find_model
from webapp.datasets.exporting import FORMATS
from webapp.errors import Problem
from webapp.notebooks import Plan
from webapp.pages.dataset_charts import token_chart
from webapp.pages.diagnosis import diagnosis
from webapp.pages.fixes import defaults, labels, offers
from webapp.pages.forms import Purpose, choices, read_mapping, read_training_config, training_fields


def add_to(bp: Blueprint) -> None:
    """Registers these pages."""
    bp.get("/datasets/<dataset_id>", endpoint="dataset")(show)
    bp.post("/datasets/<dataset_id>/columns", endpoint="map_columns")(map_columns)
    bp.post("/datasets/<dataset_id>/notebooks", endpoint="make_notebook")(make_notebook)


def show(dataset_id: str) -> ResponseReturnValue:
    """The page of a dataset; the query string holds the first form and the chosen model."""
    return _page(dataset_id, Purpose.read(request.args))


def map_columns(dataset_id: str) -> ResponseReturnValue:
    """Takes the answer to the question which columns are what."""
    try:
        workflow.map_columns(services(), caller(), dataset_id, read_mapping(request.form))
    except Problem as problem:
        return _page(dataset_id, Purpose(), problem)
    return redirect(url_for("pages.dataset", dataset_id=dataset_id), 303)


def make_notebook(dataset_id: str) -> ResponseReturnValue:
    """Makes the notebook that the second form describes."""
    purpose = Purpose.read(request.form)
    try:
        suggested = _plan(dataset_id, purpose)
        config = read_training_config(request.form, suggested.config)
        notebook = workflow.generate(
            services(),
            caller(),
            dataset_id,
            purpose.model_id,
            config,
            gpu=purpose.gpu,
            preset=purpose.preset,
            encrypted="encrypt" in request.form,
        )
    except Problem as problem:
        return _page(dataset_id, purpose, problem)
    if "dry_run" in request.form:
        workflow.start_dry_run(services(), caller(), notebook.id)
    return redirect(url_for("pages.notebook", notebook_id=notebook.id), 303)


def _page(dataset_id: str, purpose: Purpose, problem: Problem | None = None) -> ResponseReturnValue:
    """The page as far as things are; a problem is shown where it belongs, and nothing that was typed is lost."""
    state = workflow.dataset_state(services(), caller(), dataset_id)
    shown: dict[str, Any] = {"state": state, "dataset": state.dataset, "purpose": purpose, "choices": choices()}
    if state.pending:
        return render_template("dataset_pending.html", **shown)
    shown |= {"versions": workflow.versions(services(), caller(), dataset_id), "formats": list(FORMATS)}
    shown |= {"offers": offers(state.analysis), "labels": labels(), "settings": defaults()}
    try:
        report = state.finished()
        shown |= diagnosis(state, report)
        shown |= _advice(dataset_id, purpose)
    except Problem as found:
        shown["columns"] = found.details.get("columns")
        shown["first_bad"] = workflow.first_bad_lines(services(), state)
        problem = problem or found
    if "report" in shown:
        recommended = shown["recommendation"].recommendations if "recommendation" in shown else ()
        shown["token_chart"] = token_chart(shown["report"], [item.model for item in recommended])
    status = problem.status if problem else 200
    return make_response(render_template("dataset.html", problem=problem, **shown), status)


def _advice(dataset_id: str, purpose: Purpose) -> dict[str, Any]:
    """The recommendation for the purpose, and the plan for the chosen model; empty before the first form is sent."""
    if not purpose.given:
        return {}
    recommendation = workflow.recommend(
        services(),
        caller(),
        dataset_id,
        task=purpose.task_type,
        target=purpose.deployment_target,
        gpu=purpose.gpu,
        gated=purpose.gated,
        preset=purpose.preset,
    )
    advice: dict[str, Any] = {"recommendation": recommendation}
    advice["gate"] = workflow.gate(services(), caller(), dataset_id)
    if purpose.model_id:
        model = find_model(purpose.model_id)
        plan = _plan(dataset_id, purpose)
        advice |= {"model": model, "plan": plan}
        advice["method"] = request.form.get("method", plan.config.method)
        advice["fields"] = training_fields(plan.config, plan.settings.items, request.form)
        advice["encrypt"] = "encrypt" in request.form
        advice["dry_run"] = request.method == "GET" or "dry_run" in request.form
    return advice


def _plan(dataset_id: str, purpose: Purpose) -> Plan:
    """What is suggested for the chosen model."""
    return workflow.suggested_plan(
        services(), caller(), dataset_id, purpose.model_id, gpu=purpose.gpu, preset=purpose.preset
    )
