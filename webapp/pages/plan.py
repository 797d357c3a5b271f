"""The training plan: presets and every setting, what they take, and the notebook they make."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from webapp import workflow
from webapp.api.context import caller, services
from webapp.catalog import PRESETS
from webapp.datasets import Example
from webapp.errors import Problem
from webapp.notebooks import TrainingConfig
from webapp.pages.bubbles import Reading, readings
from webapp.pages.fit_cells import run_cost
from webapp.pages.forms import Purpose, choices
from webapp.pages.memory_bars import memory_bar
from webapp.pages.plan_form import checked, fields, given_by, read_given, valid
from webapp.pages.plan_words import LABELS

_SEEN_ROWS, _SEEN_BYTES = 3, 16_000
_PARAM = "training_config."


def add_to(bp: Blueprint) -> None:
    """Registers these pages."""
    bp.get("/datasets/<dataset_id>/plan", endpoint="plan")(show)
    bp.post("/datasets/<dataset_id>/plan/check", endpoint="check_plan")(check)
    bp.post("/datasets/<dataset_id>/notebooks", endpoint="make_notebook")(make_notebook)


def show(dataset_id: str) -> ResponseReturnValue:
    """The plan that is suggested for the query string's model and purpose, or that of the notebook `from`."""
    state = workflow.dataset_state(services(), caller(), dataset_id)
    values, config = MultiDict(request.args), None
    if notebook_id := request.args.get("from"):
        notebook = workflow.notebook_state(services(), caller(), notebook_id).notebook
        values.setdefault("model_id", notebook.model_id)
        values.setdefault("gpu", notebook.gpu)
        config = notebook.config
    if not state.analysis or not values.get("model_id"):
        page = "pages.models" if state.analysis else "pages.dataset"
        return redirect(url_for(page, dataset_id=dataset_id))
    return _page(dataset_id, values, config)


def check(dataset_id: str) -> ResponseReturnValue:
    """The plan as the form has it; only the form with ?fragment=1, as the script asks for it."""
    return _page(dataset_id, request.form, fragment="fragment" in request.args)


def make_notebook(dataset_id: str) -> ResponseReturnValue:
    """Makes the notebook that the form describes."""
    purpose, model_id = Purpose.read(request.form), request.form.get("model_id", "")
    found = _planning(dataset_id, model_id, purpose)
    try:
        notebook = workflow.generate(
            services(),
            caller(),
            dataset_id,
            model_id,
            valid(read_given(request.form, _suggested(found))),
            gpu=purpose.gpu,
            preset=purpose.preset,
            encrypted="encrypt" in request.form,
        )
    except Problem as problem:
        return _page(dataset_id, request.form, problem=problem)
    if "dry_run" in request.form:
        workflow.start_dry_run(services(), caller(), notebook.id)
    return redirect(url_for("pages.notebook", notebook_id=notebook.id), 303)


def _page(
    dataset_id: str,
    values: MultiDict[str, str],
    config: Mapping[str, Any] | None = None,
    problem: Problem | None = None,
    *,
    fragment: bool = False,
) -> ResponseReturnValue:
    """The plan with what was typed, or with the settings of another notebook; nothing that was typed is lost."""
    purpose, model_id = Purpose.read(values), values.get("model_id", "")
    found = _planning(dataset_id, model_id, purpose)
    given = given_by(config, _suggested(found)) if config else read_given(values, _suggested(found))
    shown = _form(found, given, values) | {
        "dataset": found.material.dataset,
        "model": found.material.model,
        "purpose": purpose,
        "choices": choices(),
        "encrypt": "encrypt" in values,
        "dry_run": request.method == "GET" or "dry_run" in values,
        "copied": config is not None,
    }
    if fragment:
        return render_template("plan_form.html", **shown)
    shown["rows"] = _seen(dataset_id, found)
    return make_response(render_template("plan.html", problem=problem, **shown), problem.status if problem else 200)


def _planning(dataset_id: str, model_id: str, purpose: Purpose) -> workflow.Planning:
    return workflow.planning(services(), caller(), dataset_id, model_id, gpu=purpose.gpu, preset=purpose.preset)


def _suggested(found: workflow.Planning) -> TrainingConfig:
    return found.suggested.plan.config if found.suggested else TrainingConfig()


def _form(found: workflow.Planning, given: Mapping[str, Any], typed: Mapping[str, str]) -> dict[str, Any]:
    """The form and what it takes; what cannot work is said at its field, else in `refused`."""
    wanted, problems = checked(given)
    planned, refused = found.with_settings(wanted)
    memory = planned.plan.settings.memory.to_dict() if planned else None
    if refused:
        memory = refused.details.get("memory")
        problems[(refused.param or "").removeprefix(_PARAM)] = refused.message
    base = planned or found.suggested
    return {
        "presets": {preset: found.presets[preset.name] for preset in PRESETS.values()},
        "groups": fields(base.plan.settings.items if base else {}, given, typed, problems),
        "problems": problems,
        "wrong": [LABELS[name] for name in problems if name in LABELS],
        "planned": planned,
        "bar": memory_bar(memory) if memory else None,
        "refused": refused,
        "refusal": found.refusal,
        "run_cost": run_cost,
    }


def _seen(dataset_id: str, found: workflow.Planning) -> list[tuple[Example, Reading]]:
    """The first rows as the model reads them; none for a model whose chat format the catalogue does not have."""
    if not found.material.model.template_family:
        return []
    rows = workflow.preview(services(), caller(), dataset_id, 1, _SEEN_ROWS).examples
    seen = readings(workflow.as_read(rows, found.material.model.id), _SEEN_BYTES)
    return list(zip(rows, seen, strict=False))
