"""Progress from anywhere: a run is handed over to its notebook, and the notebook reports."""

from collections.abc import Callable
from functools import wraps
from io import BytesIO
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request, send_file

from webapp import workflow
from webapp.api.context import bearer, caller, services
from webapp.api.job_bodies import ProgressBody, ProgressTokenBody
from webapp.api.notebooks import NOTEBOOK_TYPE, let_colab_read
from webapp.api.openapi import errors
from webapp.api.progress_schemas import MetricsEvent, ProgressRequest, StatusEvent
from webapp.api.security import PROGRESS_TOKEN

bp = APIBlueprint("progress", __name__, tag="Jobs")


@bp.post("/jobs/<job_id>/progress-token")
@bp.output(ProgressTokenBody, description="What the notebook needs; the token is shown this once.")
@bp.doc(
    operation_id="progress_token",
    responses=errors({404: "There is no such job.", 409: "The job was started, is a dry run, or runs no notebook."}),
)
def progress_token(job_id: str) -> dict[str, Any]:
    """Hand a run over to its notebook

    Wherever you run that: nothing is run here, and the job stands as the notebook reports. For a job that was not
    started yet; or one that was handed over and has failed or was cancelled, which then may be run again. Where a
    public https address is set, it takes up to 3 seconds to open the notebook to Colab.
    """
    made = workflow.hand_over_run(services(), caller(), job_id)
    base = (services().settings.public_url or request.host_url).rstrip("/")
    return {
        "progress_url": f"{base}{made.given.path}",
        "progress_token": made.given.token,
        "expires_at": made.given.expires_at,
        "notebook_url": made.notebook_path,
        "colab_url": made.colab_url,
        "reason": made.reason,
    }


@bp.get("/jobs/<job_id>/notebook/<token>/<filename>")
@bp.doc(
    operation_id="handed_over_notebook",
    responses={200: {"description": "The notebook.", "content": {NOTEBOOK_TYPE: {"schema": {"type": "object"}}}}}
    | errors({404: "The link has expired or was never given."}),
)
def handed_over_notebook(job_id: str, token: str, filename: str) -> Response:
    """Download a notebook that will report

    By the signed link that handing its run over answers, until it expires. Colab's page may read it too.
    """
    content = workflow.handed_over_notebook(services(), job_id, token, filename, request.host_url)
    return send_file(BytesIO(content), mimetype=NOTEBOOK_TYPE, as_attachment=True, download_name=filename)


bp.after_request(let_colab_read)


def with_progress_token(view: Callable[..., Any]) -> Callable[..., Any]:
    """Refuses a request without the job's token before its body is looked at."""

    @wraps(view)
    def checked(job_id: str, **rest: Any) -> Any:
        workflow.check_progress_token(services(), job_id, bearer())
        return view(job_id=job_id, **rest)

    return checked


@bp.post("/jobs/<job_id>/progress")
@with_progress_token
@bp.input(
    ProgressRequest,
    example={
        "run": "q2Zb1F0c9xE4",
        "events": [
            {"type": "metrics", "step": 12, "total_steps": 100, "loss": 1.25, "eta_seconds": 88.0},
            {"type": "status", "status": "completed"},
        ],
    },
)
@bp.output(ProgressBody, description="What was new, and how the job stands: `cancel` asks the notebook to stop.")
@bp.doc(
    operation_id="progress",
    security=PROGRESS_TOKEN,
    responses=errors({401: "This is not the job's progress token, or it has expired.", 404: "The job was deleted."}),
)
def progress(job_id: str, json_data: ProgressRequest) -> dict[str, Any]:
    """Report the progress of a run

    From a notebook that is run elsewhere. What comes twice, late or out of order changes nothing: a step is kept once
    for each start (`run`) of the notebook. The first report of a start makes the job `running`.
    """
    steps = [event.figures() for event in json_data.events if isinstance(event, MetricsEvent)]
    endings = [event for event in json_data.events if isinstance(event, StatusEvent) and event.status != "running"]
    last = endings[-1] if endings else None
    heard = workflow.report_progress(
        services(),
        bearer(),
        job_id,
        json_data.run,
        steps,
        last.status if last else None,
        workflow.CellError(last.error.name, last.error.value) if last and last.error else None,
    )
    return {"accepted": heard.accepted, "status": heard.status, "cancel": heard.cancel}
