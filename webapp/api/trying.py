"""Prompts asked of the model of a run and of its base model."""

from typing import Any

from apiflask import APIBlueprint

from webapp import workflow
from webapp.api.context import caller, services
from webapp.api.job_bodies import PromptBody
from webapp.api.openapi import errors
from webapp.workflow import Question

bp = APIBlueprint("trying", __name__, tag="Jobs")

_NOT_FOUND = {404: "There is no such job."}


@bp.post("/jobs/<job_id>/prompts")
@bp.input(Question, example={"text": "Where is the next station?", "max_new_tokens": 128})
@bp.output(PromptBody, 202, description="The number of the prompt, and the job whose events are its answers.")
@bp.doc(
    operation_id="ask_both",
    responses=errors(
        _NOT_FOUND | {409: "The model of this run is not here, or is being put away; or the job runs no notebook."}
    ),
)
def ask(job_id: str, json_data: Question) -> Any:
    """Try a prompt on a run's model

    And on its base model. Both are loaded where they are not, from the files on this machine, and answer one after the
    other. Cancel the job that answers to put them away.
    """
    asked = workflow.ask_both(services(), caller(), job_id, json_data)
    return {"prompt": asked.prompt, "job_id": asked.job.id, "status_url": asked.job.url}, 202


@bp.post("/jobs/<job_id>/prompts/<prompt>/stop")
@bp.output({}, 204, description="Its answers end where they are; what is answered stays.")
@bp.doc(
    operation_id="stop_answer",
    responses=errors({404: "There is no such job or prompt.", 409: "The job runs no notebook."}),
)
def stop(job_id: str, prompt: str) -> Any:
    """Stop the answers to a prompt"""
    workflow.stop_answer(services(), caller(), job_id, prompt)
    return "", 204
