"""Which base models suit a dataset: `POST /recommend`."""

from typing import Any

from apiflask import APIBlueprint

from webapp import workflow
from webapp.api.context import caller, services
from webapp.api.model_bodies import RecommendationBody
from webapp.api.openapi import errors, pending_headers
from webapp.api.schemas import EXAMPLE_ID, RecommendRequest

bp = APIBlueprint("recommendations", __name__, tag="Models")


@bp.post("/recommend")
@bp.input(
    RecommendRequest,
    example={"session_id": EXAMPLE_ID, "task_type": "instruction_following", "deployment_target": "cloud"},
)
@bp.output(RecommendationBody, description="Models that meet every constraint, and those that do not, with reasons.")
@bp.doc(
    operation_id="recommend",
    responses=pending_headers(
        errors(
            {
                400: "A field is not valid, the analysis failed, or no model fits.",
                404: "There is no such dataset.",
                409: "The analysis has not finished yet.",
            }
        ),
        409,
    ),
)
def recommend(json_data: RecommendRequest) -> dict[str, Any]:
    """Recommend base models

    Hard constraints first (context, languages, memory on the GPU, room on the target), then a score of named terms.
    `gate` says whether fine-tuning is the right thing for these rows.
    """
    recommendation = workflow.recommend(
        services(),
        caller(),
        json_data.session_id,
        task=json_data.task_type,
        target=json_data.deployment_target,
        gpu=json_data.gpu,
        method=json_data.method,
        gated=json_data.gated,
        preset=json_data.preset,
        languages=json_data.languages,
    )
    gate = workflow.gate(services(), caller(), json_data.session_id)
    return recommendation.to_dict() | {"gate": gate.to_dict() if gate else None}
