"""Completes the OpenAPI document: what APIFlask cannot see, and what holds for every route."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from apiflask import APIFlask
from flask import current_app

from webapp.api.account_bodies import ConfirmBody, RefreshRequest
from webapp.api.bodies import AnalysisBody
from webapp.api.context import services
from webapp.api.model_bodies import ModelsBody
from webapp.api.security import SCHEMES, guarded
from webapp.datasets import PARTS
from webapp.datasets.group_report import Duplicates
from webapp.datasets.report import Distribution

_SCHEMA = "#/components/schemas/{name}"

ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "The one error body of every route and status.",
    "required": ["detail", "error"],
    "properties": {
        "detail": {"type": "string"},
        "error": {
            "type": "object",
            "required": ["code", "message", "type", "param", "details", "request_id"],
            "properties": {
                "code": {"type": "string", "description": "Stable; for programs."},
                "message": {"type": "string", "description": "What is wrong and what to do; for people."},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"], "description": "The offending field."},
                "details": {"type": "object"},
                "request_id": {"type": ["string", "null"]},
            },
        },
    },
    "examples": [
        {
            "detail": "There is no dataset with this id; it may have been deleted. Upload the file again.",
            "error": {
                "code": "dataset_not_found",
                "message": "There is no dataset with this id; it may have been deleted. Upload the file again.",
                "type": "not_found_error",
                "param": "session_id",
                "details": {},
                "request_id": "5f0c1d0c3d5b4f1c9d2e",
            },
        }
    ],
}

UPLOAD_REQUEST = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "map": {
                        "type": "object",
                        "additionalProperties": {"type": "string", "enum": list(PARTS)},
                        "description": "Column to part, as JSON; where names do not tell.",
                    },
                    "file": {
                        "type": "string",
                        "format": "binary",
                        "minLength": 1,
                        "description": "JSON lines, JSON, CSV, TSV or Parquet; also gzip or zstd.",
                    },
                },
            }
        }
    },
}

RAW_REQUEST = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 1}}},
}

PART_REQUEST = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["data"],
                "properties": {"data": {"type": "string", "format": "binary", "minLength": 1}},
            }
        }
    },
}

REQUEST_ID_HEADER = {"X-Request-Id": {"description": "Names this request in the log.", "schema": {"type": "string"}}}
STAY_HEADER = {
    "X-Should-Retry": {
        "description": "`false`: asking again without a change leads to the same refusal.",
        "schema": {"type": "string"},
    }
}
RETRY_HEADER = {"Retry-After": {"description": "Seconds to wait before asking again.", "schema": {"type": "string"}}}

# What a name of the hub, hf:org/name, adds to the errors of an operation.
OF_THE_HUB = {
    400: "A field is not valid, or the model cannot be used.",
    403: "The model's licence has to be accepted first, or the request comes from another website.",
    502: "The hub did not answer.",
}


def errors(descriptions: Mapping[int, str]) -> dict[int, Any]:
    """The `responses` of an operation that answers these statuses with the error body."""
    return {status: _error(description) for status, description in descriptions.items()}


def report(name: str, description: str) -> dict[int, Any]:
    """The 200 response with one of the reports of `webapp.datasets`."""
    return {200: {"description": description, "content": _json({"$ref": _SCHEMA.format(name=name)})}}


def file_responses(media_type: str, description: str) -> dict[int, Any]:
    """The responses of an operation that hands out a file, also in part."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {
        200: {"description": description, "content": content},
        206: {"description": "The part of it that the `Range` header asks for.", "content": content},
    } | errors({416: "The file ends before the range begins."})


def also_html(description: str) -> dict[int, Any]:
    """The 200 response of an operation that answers browsers with a page."""
    return {200: {"description": description, "content": {"text/html": {"schema": {"type": "string"}}}}}


def confirmation() -> dict[int, Any]:
    """The 202 response of a registration whose email address has to be confirmed first."""
    return {202: {"description": "The address has to be confirmed.", "content": _json(ConfirmBody.model_json_schema())}}


def pending_headers(responses: dict[int, Any], *statuses: int) -> dict[int, Any]:
    """The same responses, these of them with a Retry-After header."""
    for status in statuses:
        responses[status]["headers"] = RETRY_HEADER
    return responses


def install(app: APIFlask) -> None:
    """Has the document completed when it is first asked for."""
    app.config.update(
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_SERVERS=False,
        VALIDATION_ERROR_STATUS_CODE=400,
    )
    app.description = "A chat dataset in, a fine-tuning notebook that has already been run on your own rows out."
    app.license = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
    app.security_schemes = SCHEMES
    app.spec_processor(complete)


def complete(document: Any) -> Any:
    """Adds shared schemas, upload bodies, and the errors and headers that any operation can answer with."""
    # Several blueprints share a tag, which may be listed only once.
    document["tags"] = [{"name": name} for name in dict.fromkeys(tag["name"] for tag in document["tags"])]
    schemas = document["components"].setdefault("schemas", {})
    schemas["Error"] = ERROR_SCHEMA
    _, reports = msgspec.json.schema_components(
        (AnalysisBody, Distribution, Duplicates, ModelsBody), ref_template=_SCHEMA
    )
    schemas.update(reports)
    document["paths"]["/upload"]["post"]["requestBody"] = UPLOAD_REQUEST
    document["paths"]["/upload"]["put"]["requestBody"] = RAW_REQUEST
    document["paths"]["/v1/uploads/{upload_id}/parts"]["post"]["requestBody"] = PART_REQUEST
    for prefix in ("/v1", ""):
        body = {"required": False, "content": _json(RefreshRequest.model_json_schema())}
        document["paths"][f"{prefix}/auth/refresh"]["post"]["requestBody"] = body
    asked = guarded(current_app, services().settings.auth)
    for path, method, operation in _operations(document):
        if path.startswith("/auth/"):
            operation["operationId"] += "_sloughgpt"  # the same operation at the address of that reference
        if (path, method) in asked:
            _guard(operation, asked[path, method])
        _complete_operation(method, operation)
    return document


def _guard(operation: dict[str, Any], asked: list[dict[str, list[str]]]) -> None:
    operation["security"] = asked
    operation["responses"].setdefault("401", _error("What was sent is not valid, or a sign-in is asked for."))
    operation["responses"].setdefault("403", _error("The API key lacks the permission."))


def _complete_operation(method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if "requestBody" in operation:
        operation["requestBody"].setdefault("required", True)
        responses.setdefault("400", _error("The body is not valid; `error.param` names the field."))
        responses.setdefault("413", _error("The body is too large."))
    if method not in ("get", "head"):
        responses.setdefault("403", _error("The request comes from another website."))
    responses.setdefault("500", _error("Something went wrong inside Tunebook."))
    responses.setdefault("503", _error("The store cannot be used right now."))
    if "409" in responses:
        responses["409"].setdefault("headers", STAY_HEADER)
    for response in responses.values():
        response["headers"] = REQUEST_ID_HEADER | response.get("headers", {})
    for parameter in operation["parameters"]:
        if parameter["in"] == "path" and parameter["name"].endswith("_id"):
            parameter["schema"] = {"type": "string", "format": "uuid"}
    operation["responses"] = dict(sorted(responses.items()))


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if isinstance(operation, dict):
                yield path, method, operation


def _error(description: str) -> dict[str, Any]:
    return {"description": description, "content": _json({"$ref": _SCHEMA.format(name="Error")})}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
