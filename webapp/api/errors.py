"""Turns whatever goes wrong into the one error body, or into a page for browsers."""

import difflib
from typing import Any

import structlog
from apiflask import APIFlask, HTTPError
from flask import Request, Response, g, jsonify, make_response, render_template
from flask.json.provider import DefaultJSONProvider
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from webapp.api import leading
from webapp.api.context import wants_page
from webapp.errors import Problem
from webapp.notebooks import TrainingConfig

_CODES = {
    400: ("bad_request", "The request could not be understood."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
    413: ("request_too_large", "The request is larger than this address takes."),
}

log = structlog.get_logger("tunebook.errors")


class ApiRequest(Request):
    """Says what is wrong with a JSON body."""

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """Raises Problem `invalid_json`."""
        reason = f": {e}" if e else ""
        raise Problem("invalid_json", f"The body of this request is not valid JSON{reason}.") from e


class StrictJson(DefaultJSONProvider):
    """JSON as the standard has it: no NaN or Infinity, and nothing so deep that it cannot be read."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """The value of a JSON text; raises ValueError."""
        try:
            return super().loads(s, parse_constant=_refuse_constant, **kwargs)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error


def install(app: APIFlask) -> None:
    """Makes every error of the application answer in one form."""
    app.request_class = ApiRequest
    app.json = StrictJson(app)
    app.register_error_handler(Problem, answer)
    app.register_error_handler(HTTPError, _answer_validation)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_unexpected)


def answer(problem: Problem) -> Response:
    """The response that tells of a problem: a page when a browser asks for one, else the error body."""
    if wants_page():
        if problem.code == "sign_in_required":
            return leading.to_sign_in()
        response = make_response(render_template("error.html", problem=problem))
    else:
        response = jsonify(problem.body(g.request_id))
    response.status_code = problem.status
    retry_after = problem.details.get("retry_after")
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    elif problem.status == 409:
        response.headers["X-Should-Retry"] = "false"  # to the official SDKs, which would try again
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if problem.status == 426:
        response.headers["Upgrade"] = "websocket"
    if problem.status >= 500:
        log.error("problem", code=problem.code, message=problem.message)
    return response


def validation_problem(error: ValidationError, location: str = "") -> Problem:
    """The first thing that a pydantic model does not accept, with the field named; all of them in the details."""
    fields = {_field(item["loc"], location): item["msg"] for item in error.errors(include_url=False)}
    first = error.errors(include_url=False)[0]
    param = _field(first["loc"], location)
    message = f"{param}: {first['msg']}."
    if first["type"] == "extra_forbidden":
        message = f"There is no field {param!r} here.{_did_you_mean(str(first['loc'][-1]))}"
    return Problem("invalid_request", message, param=param, details={"fields": fields})


def _field(path: tuple[int | str, ...], location: str) -> str:
    return ".".join(part for part in (location, *map(str, path)) if part) or "body"


def _did_you_mean(name: str) -> str:
    near = difflib.get_close_matches(name, TrainingConfig.model_fields, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _answer_validation(error: HTTPError) -> Response:
    """APIFlask raises this for input that its schema refuses."""
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        return answer(validation_problem(cause))
    return answer(Problem("invalid_request", error.message or "The request is not valid.", status=error.status_code))


def _answer_http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    code, message = _CODES.get(status, (error.name.lower().replace(" ", "_"), error.description or error.name))
    response = answer(Problem(code, message, status=status))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _answer_unexpected(error: Exception) -> Response:
    log.error("unexpected_error", exc_info=error)
    return answer(
        Problem(
            "internal_error",
            f"Something went wrong inside Tunebook. The log names the cause under request {g.request_id}.",
            status=500,
        )
    )


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
