"""The base models, and what fine-tuning one takes: `GET /models`, `GET /estimate`."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify

from webapp import catalog, workflow
from webapp.api.context import caller, services
from webapp.api.model_bodies import EstimateBody
from webapp.api.openapi import OF_THE_HUB, errors, pending_headers, report
from webapp.api.schemas import EstimateQuery

bp = APIBlueprint("models", __name__, tag="Models")


@bp.get("/models")
@bp.doc(operation_id="models", responses=report("ModelsBody", "All of them, in the catalogue's order."))
def models() -> Response:
    """The base models"""
    return jsonify({"models": [model.to_dict() for model in catalog.models()]})


@bp.get("/models/<path:model>")
@bp.doc(
    operation_id="model",
    responses=report("ModelBody", "The catalogue's entry, or what the model's configuration says.")
    | errors({404: "There is no such model."} | OF_THE_HUB),
)
def model(model: str) -> Response:
    """One base model

    By its id, or as `hf:org/name`: the configuration of a model that is not in the catalogue is fetched from the hub.
    """
    return jsonify(workflow.base_model(services(), model).to_dict())


@bp.get("/estimate")
@bp.input(EstimateQuery, location="query")
@bp.output(EstimateBody, description="The estimate, as ranges.")
@bp.doc(
    operation_id="estimate",
    responses=pending_headers(
        errors(
            {
                400: "A parameter is not valid, or the machine cannot run the method.",
                401: "A dataset is named: sign in first, or what was shown is not valid.",
                404: "There is no such model or dataset.",
                409: "The analysis of the dataset has not finished yet.",
            }
            | OF_THE_HUB
        ),
        409,
    ),
)
def estimate(query_data: EstimateQuery) -> dict[str, Any]:
    """Memory, time and cost

    The peak by component, minutes for a million tokens and what they cost; of a whole run where a dataset is named.
    """
    if query_data.session_id is not None:
        caller().require("read")
    return workflow.estimate(
        services(),
        caller(),
        model_id=query_data.model_id,
        method=query_data.method,
        gpu=query_data.gpu,
        length=query_data.length,
        batch=query_data.batch,
        rank=query_data.rank,
        checkpointing=query_data.checkpointing,
        dataset_id=query_data.session_id,
        epochs=query_data.epochs,
    ).to_dict()
