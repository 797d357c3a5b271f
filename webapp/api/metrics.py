"""`/metrics`: what this process has answered, what it streams, and the queue, as Prometheus reads it."""

import hmac
import os
from collections.abc import Iterator
from time import perf_counter

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from webapp import workflow
from webapp.api.context import EXTENSION, bearer, services
from webapp.api.openapi import errors
from webapp.errors import Problem

_REGISTRY = "tunebook.metrics"
_METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

bp = APIBlueprint("metrics", __name__, tag="Service")


@bp.get("/metrics")
@bp.doc(
    operation_id="metrics",
    responses={200: {"description": "The figures.", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    | errors({404: "It is not open to who asks."}),
)
def metrics() -> Response:
    """Figures for Prometheus

    Of the process that answers, and of the queue of all. Opened by `TUNEBOOK_METRICS_TOKEN` as a bearer token.
    """
    _refuse_others()
    return Response(generate_latest(current_app.extensions[_REGISTRY]), content_type=CONTENT_TYPE_LATEST)


def install(app: APIFlask) -> None:
    """Has every request counted, in a registry of the application's own."""
    registry = CollectorRegistry()
    app.extensions[_REGISTRY] = registry
    process = {"process": str(os.getpid())}
    requests = Counter(
        "tunebook_requests", "Requests answered.", ["process", "method", "route", "status"], registry=registry
    )
    seconds = Histogram(
        "tunebook_request_seconds",
        "Seconds until an answer began.",
        ["process", "method", "route"],
        buckets=_SECONDS,
        registry=registry,
    )
    streams = Gauge("tunebook_open_streams", "Streams of jobs that are open.", ["process"], registry=registry)
    streams.labels(**process).set_function(lambda: app.extensions[EXTENSION].tailer.open_readers)
    registry.register(_Queue(app))
    ProcessCollector(registry=registry)

    @app.after_request
    def count(response: Response) -> Response:
        # The route, never the path: there are as many of those as ids, and some hold tokens.
        labels = {
            **process,
            "method": request.method if request.method in _METHODS else "other",
            "route": request.url_rule.rule if request.url_rule else "none",
        }
        requests.labels(**labels, status=str(response.status_code)).inc()
        if response.status_code != 101:  # a WebSocket, which has ended by now
            seconds.labels(**labels).observe(perf_counter() - g.started)
        return response


class _Queue(Collector):
    """Asks the database when the figures are asked for."""

    def __init__(self, app: APIFlask) -> None:
        self._app = app

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing, so that the database is not asked when this is registered."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The state of the queue, and whether the database told."""
        up = GaugeMetricFamily("tunebook_database_up", "Whether the database answers.")
        try:
            found = workflow.figures(self._app.extensions[EXTENSION])
        except Problem:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        jobs = GaugeMetricFamily("tunebook_jobs", "Jobs in each state.", labels=["status"])
        for status, count in found.by_status.items():
            jobs.add_metric([status], count)
        oldest = GaugeMetricFamily("tunebook_queue_age_seconds", "Age of the oldest job that waits.")
        oldest.add_metric([], found.oldest_seconds)
        yield from (up, jobs, oldest)


def _refuse_others() -> None:
    """Raises Problem `not_found` unless the token is shown; where nobody signs in and none is set, it is open."""
    settings = services().settings
    if settings.metrics_token is None:
        allowed = settings.auth == "off"
    else:
        allowed = hmac.compare_digest(bearer().encode(), settings.metrics_token.get_secret_value().encode())
    if not allowed:
        raise Problem("not_found", "There is nothing at this address.", status=404)
