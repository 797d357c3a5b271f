"""What is known about a dataset: its analysis, its rows, their distribution, its duplicates."""

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify

from webapp import workflow
from webapp.api.bodies import DatasetsBody, LinesBody, PendingBody, PreviewBody, RenderedBody, plain
from webapp.api.context import caller, services
from webapp.api.deleted_bodies import AT_WORK, ClaimedBody, DeletedDataBody
from webapp.api.openapi import errors, pending_headers, report
from webapp.api.paging import LINK_HEADER, next_page
from webapp.api.schemas import DatasetsQuery, LinesQuery, MappingRequest, PreviewQuery, RenderedQuery

WAIT_SECONDS = 10.0

bp = APIBlueprint("datasets", __name__, tag="Datasets")

_ERRORS = {
    400: "The analysis failed, or a parameter is not valid.",
    404: "There is no such dataset.",
    409: "The analysis has not finished yet.",
}


@bp.get("/datasets")
@bp.input(DatasetsQuery, location="query")
@bp.output(DatasetsBody, description="Datasets, newest first.")
@bp.doc(operation_id="datasets", responses={200: {"headers": LINK_HEADER}} | errors({400: "A parameter is not valid."}))
def datasets(query_data: DatasetsQuery) -> Any:
    """List the datasets

    Page by page: the `Link` header leads to the next one. What was uploaded without signing in is in no list.
    """
    page = workflow.list_datasets(services(), caller(), limit=query_data.limit, after=query_data.after)
    listed = DatasetsBody.model_validate(page.datasets, from_attributes=True)
    return listed, next_page("/datasets", page.next)


@bp.get("/analyze/<session_id>")
@bp.output(PendingBody, 202, description="The analysis goes on; `status_url` says how far it is.")
@bp.doc(
    operation_id="analyze",
    responses=report("AnalysisBody", "The report.") | pending_headers({202: {}}, 202) | errors(_ERRORS),
)
def analyze(session_id: str) -> Any:
    """Analyse a dataset

    Waits up to ten seconds for the report on a dataset: every invalid line by its number, tokens, duplicates, and a
    quality score made of named parts.
    """
    state = workflow.wait_for_analysis(services(), caller(), session_id, WAIT_SECONDS)
    if state.pending and state.job:
        return {"status": state.job.status, "status_url": state.job.url}, 202, {"Retry-After": "1"}
    expires_at = state.expires_at.isoformat() if state.expires_at else None
    return jsonify({"session_id": state.dataset.id, "expires_at": expires_at, **plain(state.finished())})


@bp.get("/analyze/<session_id>/issues/<code>")
@bp.input(LinesQuery, location="query")
@bp.output(LinesBody, description="One page of lines.")
@bp.doc(operation_id="issue_lines", responses=pending_headers(errors(_ERRORS), 409))
def issue_lines(session_id: str, code: str, query_data: LinesQuery) -> dict[str, Any]:
    """All lines of an issue

    Every line that an issue (by its `code`), a kind of private data or `invalid_lines` concerns; a report names only
    the first of them.
    """
    found = workflow.issue_lines(services(), caller(), session_id, code, query_data.page, query_data.page_size)
    return asdict(found)


@bp.post("/datasets/<session_id>/mapping")
@bp.input(MappingRequest, example={"map": {"frage": "prompt", "antwort": "completion"}})
@bp.output(PendingBody, 202, description="The dataset is analysed again; `status_url` says how far it is.")
@bp.doc(
    operation_id="map_columns",
    responses=pending_headers(
        {202: {}}
        | errors(
            {
                400: "The mapping makes no format.",
                404: "There is no such dataset.",
                409: "An analysis of the dataset is under way.",
            }
        ),
        202,
        409,
    ),
)
def map_columns(session_id: str, json_data: MappingRequest) -> Any:
    """Say which column is what

    Has a dataset analysed again with this mapping: the answer to `ambiguous_format`, or another one than before.
    """
    job = workflow.map_columns(services(), caller(), session_id, json_data.map)
    return {"status": job.status, "status_url": job.url}, 202, {"Retry-After": "1"}


@bp.get("/preview/<session_id>")
@bp.input(PreviewQuery, location="query")
@bp.output(PreviewBody, description="One page of examples.")
@bp.doc(
    operation_id="preview",
    responses={200: {"headers": LINK_HEADER}} | pending_headers(errors(_ERRORS), 409),
)
def preview(session_id: str, query_data: PreviewQuery) -> Any:
    """Look at the rows

    The valid examples of an analysed dataset, page by page. A page ends early, with one example at least, before it
    comes to more than 16 MiB of rows; the `Link` header leads to what follows, whether it did or not.
    """
    query = query_data
    page = workflow.preview(services(), caller(), session_id, query.page, query.page_size, query.after)
    shown = {
        "examples": [plain(example) for example in page.examples],
        "total_count": page.total_count,
        "page": page.page,
        "page_size": page.page_size,
    }
    return shown, next_page(f"/preview/{session_id}", None if page.next is None else str(page.next))


@bp.get("/preview/<session_id>/rendered")
@bp.input(RenderedQuery, location="query")
@bp.output(RenderedBody, description="The example in segments.")
@bp.doc(
    operation_id="rendered",
    responses=pending_headers(errors(_ERRORS | {404: "There is no such dataset, example or model."}), 409),
)
def rendered(session_id: str, query_data: RenderedQuery) -> dict[str, Any]:
    """One row as a model reads it

    Written with the chat template of the model's family, and which parts the model learns.
    """
    found = workflow.rendered(services(), caller(), session_id, query_data.index, query_data.model_id)
    return {
        "model_id": found.model.id,
        "template": found.template,
        "system_merged": found.system_merged,
        "segments": [segment._asdict() for segment in found.segments],
        "messages_left_out": found.left_out,
    }


@bp.get("/preview/<session_id>/distribution")
@bp.doc(
    operation_id="distribution",
    responses=report("Distribution", "How the rows are made.") | pending_headers(errors(_ERRORS), 409),
)
def distribution(session_id: str) -> Response:
    """Distribution of roles, lengths and turns"""
    return jsonify(plain(workflow.distribution(services(), caller(), session_id)))


@bp.get("/preview/<session_id>/duplicates")
@bp.doc(
    operation_id="duplicates",
    responses=report("Duplicates", "The rows that could be dropped.") | pending_headers(errors(_ERRORS), 409),
)
def duplicates(session_id: str) -> Response:
    """Duplicate rows"""
    return jsonify(plain(workflow.duplicates(services(), caller(), session_id)))


@bp.post("/datasets/<session_id>/claim")
@bp.output(ClaimedBody, description="The dataset is the caller's.")
@bp.doc(operation_id="claim_dataset", responses=errors({401: "Nobody is signed in.", 404: "There is no such dataset."}))
def claim(session_id: str) -> dict[str, Any]:
    """Keep a dataset

    What was uploaded without signing in, with everything made from it, becomes that of whoever has signed in.
    """
    dataset = workflow.claim_dataset(services(), caller(), session_id)
    return {"session_id": dataset.id, "expires_at": dataset.expires_at}


@bp.delete("/datasets/<session_id>")
@bp.output(DeletedDataBody, description="What was deleted.")
@bp.doc(operation_id="delete_dataset", responses=errors({404: "There is no such dataset.", 409: AT_WORK}))
def delete_dataset(session_id: str) -> dict[str, Any]:
    """Delete a dataset

    All its versions, with everything made of them: reports, exports, notebooks, links, runs and their files. Jobs that
    wait or are under way are called off first. For good.
    """
    return {"deleted": asdict(workflow.delete_dataset(services(), caller(), session_id))}
