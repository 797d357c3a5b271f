"""Prompts of one's own, asked of the model of a run and of its base model: the answers are written side by side."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import ValidationError

from webapp import workflow
from webapp.api.context import caller, services
from webapp.api.errors import validation_problem
from webapp.errors import Problem
from webapp.pages.forms import typed_number
from webapp.training.sides import Side

_NAMES: dict[Side, str] = {"base": "Base model", "tuned": "Fine-tuned"}
_STATES = {
    "waiting": "Waiting",
    "writing": "Writing",
    "ended": "Done",
    "limit": "Cut: the longest answer was reached",
    "stopped": "Stopped",
    "failed": "Failed",
    "lost": "The models were put away before it was done",
}


def add_to(bp: Blueprint) -> None:
    """Registers this page."""
    bp.get("/runs/<job_id>/try", endpoint="try_prompts")(show)
    bp.post("/runs/<job_id>/try", endpoint="ask_both")(ask)
    bp.post("/runs/<job_id>/try/stop", endpoint="stop_answer")(stop)
    bp.post("/runs/<job_id>/try/end", endpoint="put_away")(put_away)


def show(job_id: str) -> ResponseReturnValue:
    """The form and what has been asked; it follows the stream of the job that answers."""
    return _page(job_id)


def ask(job_id: str) -> ResponseReturnValue:
    """Asks both models."""
    try:
        workflow.ask_both(services(), caller(), job_id, _question(request.form))
    except Problem as problem:
        return _page(job_id, problem), problem.status
    return _to(job_id)


def stop(job_id: str) -> ResponseReturnValue:
    """Ends the answers to one prompt where they are."""
    workflow.stop_answer(services(), caller(), job_id, request.form.get("prompt", ""))
    return _to(job_id)


def put_away(job_id: str) -> ResponseReturnValue:
    """Lets go of both models."""
    workflow.put_away(services(), caller(), job_id)
    return _to(job_id)


def _question(form: Mapping[str, str]) -> workflow.Question:
    """What was asked; raises Problem `invalid_request` with the field named."""
    given: dict[str, Any] = {name: form[name].replace("\r\n", "\n") for name in ("text", "system") if name in form}
    for name in ("temperature", "max_new_tokens"):
        if form.get(name, "").strip():
            given[name] = typed_number(form[name])
    try:
        return workflow.Question(**given)
    except ValidationError as error:
        raise validation_problem(error) from error


def _page(job_id: str, problem: Problem | None = None) -> str:
    state = workflow.try_state(services(), caller(), job_id)
    last = state.prompts[0] if state.prompts else workflow.Question(text=" ", system=state.system)
    return render_template(
        "try.html",
        state=state,
        problem=problem,
        names=_NAMES,
        states=_STATES,
        form={
            "text": "",
            "system": last.system,
            "temperature": f"{last.temperature:g}",
            "max_new_tokens": str(last.max_new_tokens),
            **request.form,
        },
    )


def _to(job_id: str) -> ResponseReturnValue:
    return redirect(url_for("pages.try_prompts", job_id=job_id), 303)
