"""What this service is, and whether it is up."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response, make_response, render_template

import webapp
from webapp import workflow
from webapp.api.bodies import HealthBody, IndexBody, ReadyBody
from webapp.api.context import services, wants_page
from webapp.api.openapi import also_html

bp = APIBlueprint("service", __name__, tag="Service")


@bp.get("/")
@bp.output(IndexBody)
@bp.doc(operation_id="index", responses=also_html("What this service is; browsers get the start page."))
def index() -> dict[str, Any] | Response:
    """What this is"""
    if wants_page():
        response = make_response(render_template("start.html"))
        response.vary.add("Accept")
        return response
    return {
        "name": "Tunebook",
        "version": webapp.__version__,
        "description": "A chat dataset in, a fine-tuning notebook that has already been run on your own rows out.",
        "documentation": "/docs",
        "openapi": "/openapi.json",
    }


@bp.get("/health")
@bp.output(HealthBody, description="It is up.")
@bp.doc(operation_id="health")
def health() -> dict[str, Any]:
    """Health check"""
    return {"status": "ok", "version": webapp.__version__}


@bp.get("/ready")
@bp.output(ReadyBody, description="The database answers, and files can be kept.")
@bp.doc(operation_id="ready")
def ready() -> dict[str, Any]:
    """Readiness check

    Whether requests can be sent here: 503 while the store cannot be used.
    """
    workflow.check_ready(services())
    return {"status": "ready"}
