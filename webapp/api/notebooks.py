"""The notebook is made and fetched: `POST /generate`, `GET /download/...`."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response, send_file

from webapp import workflow
from webapp.api.bodies import GeneratedBody
from webapp.api.context import caller, services
from webapp.api.openapi import errors, pending_headers
from webapp.api.schemas import EXAMPLE_ID, GenerateRequest

NOTEBOOK_TYPE = "application/x-ipynb+json"

bp = APIBlueprint("notebooks", __name__, tag="Notebooks")


@bp.post("/generate")
@bp.input(
    GenerateRequest,
    example={
        "session_id": EXAMPLE_ID,
        "model_id": "phi-4-mini",
        "training_config": {"lora_rank": 16, "learning_rate": 0.0002, "num_epochs": 3},
        "dry_run": True,
    },
)
@bp.output(GeneratedBody, description="The notebook is kept and can be downloaded.")
@bp.doc(
    operation_id="generate",
    responses=pending_headers(
        errors(
            {
                400: "A field is not valid, the analysis failed, or the dataset cannot be trained on or embedded.",
                404: "There is no such dataset or model.",
                409: "The analysis has not finished yet.",
            }
        ),
        409,
    ),
)
def generate(json_data: GenerateRequest) -> dict[str, Any]:
    """Generate a notebook

    Renders a fine-tuning notebook that carries the dataset, and with `dry_run` has it run on a miniature of the model.
    """
    notebook = workflow.generate(
        services(), caller(), json_data.session_id, json_data.model_id, json_data.training_config
    )
    dry_run = workflow.start_dry_run(services(), caller(), notebook.id) if json_data.dry_run else None
    return {
        "notebook_id": notebook.id,
        "notebook_path": notebook.blob,
        "colab_url": None,
        "download_url": workflow.download_path(services(), notebook),
        "training_config": notebook.config,
        "dry_run": {"status": dry_run.status, "status_url": dry_run.url} if dry_run else None,
    }


@bp.get("/download/<token>/<filename>")
@bp.doc(
    operation_id="download",
    responses={200: {"description": "The notebook.", "content": {NOTEBOOK_TYPE: {"schema": {"type": "object"}}}}}
    | errors({404: "The link has expired or was never given."}),
)
def download(token: str, filename: str) -> Response:
    """Download a notebook

    By the signed link of `POST /generate`, until it expires.
    """
    path = workflow.notebook_file(services(), token, filename)
    return send_file(path, mimetype=NOTEBOOK_TYPE, as_attachment=True, download_name=filename, conditional=False)
