"""The notebook is made and fetched: `POST /generate`, `GET /download/...`, and its way into Colab."""

from dataclasses import asdict
from io import BytesIO
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request, send_file

from webapp import workflow
from webapp.api.bodies import ColabBody, GeneratedBody
from webapp.api.context import caller, services
from webapp.api.deleted_bodies import AT_WORK, DeletedDataBody
from webapp.api.openapi import OF_THE_HUB, errors, pending_headers
from webapp.api.schemas import EXAMPLE_ID, ColabRequest, GenerateRequest
from webapp.storage.tables import Notebook

NOTEBOOK_TYPE, SCRIPT_TYPE = "application/x-ipynb+json", "text/x-python"
READ_BY_COLAB = ("notebooks.download", "progress.handed_over_notebook")

bp = APIBlueprint("notebooks", __name__, tag="Notebooks")


@bp.post("/generate")
@bp.input(
    GenerateRequest,
    example={
        "session_id": EXAMPLE_ID,
        "model_id": "phi-4-mini",
        "training_config": {"lora_rank": 16, "learning_rate": 0.0002, "num_epochs": 3},
        "dry_run": True,
        "delivery": {"encrypt": False},
    },
)
@bp.output(GeneratedBody, description="The notebook is kept and can be downloaded.")
@bp.doc(
    operation_id="generate",
    responses=pending_headers(
        errors(
            {
                404: "There is no such dataset or model.",
                409: "The analysis has not finished yet.",
            }
            | OF_THE_HUB
            | {400: "A field is not valid, the analysis failed, or the dataset or the model cannot be used."}
        ),
        409,
    ),
)
def generate(json_data: GenerateRequest) -> dict[str, Any]:
    """Generate a notebook

    Renders a fine-tuning notebook that carries the dataset or fetches it, and with `dry_run` has it run on a miniature
    of the model. Where a GitHub token or a public address is set, it takes up to 8 seconds to open it to Colab.
    """
    wanted = json_data.delivery
    notebook = workflow.generate(
        services(),
        caller(),
        json_data.session_id,
        json_data.model_id,
        json_data.training_config,
        gpu=json_data.gpu,
        preset=json_data.preset,
        encrypted=wanted.encrypt,
    )
    dry_run = workflow.start_dry_run(services(), caller(), notebook.id) if json_data.dry_run else None
    opened = workflow.ColabLink(None, "It was not asked for.", workflow.colab_commands(notebook))
    if wanted.colab:
        opened = workflow.colab_link(services(), caller(), notebook.id, share_rows=wanted.share_rows)
    return {
        "notebook_id": notebook.id,
        "notebook_path": notebook.blob,
        "colab_url": opened.url,
        "colab": _colab_body(opened),
        "download_url": workflow.download_path(services(), notebook),
        "script_url": workflow.script_path(services(), notebook),
        "chat_template": workflow.chat_template(services(), notebook),
        "delivery": _delivery_body(notebook),
        "training_config": notebook.config,
        "dry_run": {"status": dry_run.status, "status_url": dry_run.url} if dry_run else None,
    }


def _colab_body(opened: workflow.ColabLink) -> dict[str, Any]:
    return {"colab_url": opened.url, "reason": opened.reason, "commands": opened.commands, "key": opened.key}


def _delivery_body(notebook: Notebook) -> dict[str, Any]:
    body = {"kind": "embedded", "encrypted": notebook.encrypted, "filename": None, "size": None, "data_url": None}
    if notebook.data_blob:
        file = workflow.rows_file(services(), caller(), notebook.id)
        body["kind"] = "link" if workflow.data_links(services(), caller(), notebook.id) else "file"
        body |= {"filename": file.filename, "size": file.path.stat().st_size}
        body["data_url"] = f"/notebooks/{notebook.id}/data"
    return body


@bp.post("/notebooks/<notebook_id>/colab")
@bp.input(ColabRequest, example={"share_rows": False})
@bp.output(ColabBody, description="The link, or why there is none.")
@bp.doc(
    operation_id="open_in_colab",
    responses=pending_headers(
        errors(
            {
                400: "A field is not valid, or the analysis failed.",
                404: "There is no such notebook.",
                409: "The dataset is being analysed again, or its columns were mapped otherwise.",
            }
        ),
        409,
    ),
)
def open_in_colab(notebook_id: str, json_data: ColabRequest) -> dict[str, Any]:
    """Open a notebook in Colab

    With a GitHub token as a secret gist, which holds no rows in the clear unless `share_rows` agrees; else by the
    notebook's own public address. It takes up to 8 seconds.
    """
    return _colab_body(workflow.colab_link(services(), caller(), notebook_id, share_rows=json_data.share_rows))


@bp.get("/download/<token>/<filename>")
@bp.doc(
    operation_id="download",
    responses={
        200: {
            "description": "The notebook, or as a script.",
            "content": {
                NOTEBOOK_TYPE: {"schema": {"type": "object"}},
                SCRIPT_TYPE: {"schema": {"type": "string"}},
            },
        }
    }
    | errors({404: "The link has expired or was never given."}),
)
def download(token: str, filename: str) -> Response:
    """Download a notebook

    By the signed links of `POST /generate`, until they expire. Colab's page may read it too.
    """
    address = request.remote_addr or ""
    if filename.endswith(".py"):
        script = BytesIO(workflow.notebook_script(services(), token, filename, address))
        return send_file(script, mimetype=SCRIPT_TYPE, as_attachment=True, download_name=filename)
    path = workflow.notebook_file(services(), token, filename, address)
    return send_file(path, mimetype=NOTEBOOK_TYPE, as_attachment=True, download_name=filename, conditional=False)


@bp.delete("/notebooks/<notebook_id>")
@bp.output(DeletedDataBody, description="What was deleted.")
@bp.doc(operation_id="delete_notebook", responses=errors({404: "There is no such notebook.", 409: AT_WORK}))
def delete_notebook(notebook_id: str) -> dict[str, Any]:
    """Delete a notebook

    With the file of its rows, its links and its runs; runs that wait or are under way are called off first. For good.
    """
    return {"deleted": asdict(workflow.delete_notebook(services(), caller(), notebook_id))}


@bp.after_request
def let_colab_read(response: Response) -> Response:
    """Colab's page fetches `#fileId` addresses itself: it alone may read downloads, and without cookies."""
    if request.endpoint in READ_BY_COLAB:
        response.vary.add("Origin")
        if request.headers.get("Origin") == workflow.COLAB:
            response.headers["Access-Control-Allow-Origin"] = workflow.COLAB
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
                response.headers["Access-Control-Max-Age"] = "600"
                asked = request.headers.get("Access-Control-Request-Headers")
                if asked:
                    response.headers["Access-Control-Allow-Headers"] = asked
    return response
