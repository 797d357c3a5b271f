"""schemathesis over the whole document: no 5xx, no undeclared response, whatever is sent."""

from collections import defaultdict
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import signed_in
from tests.conftest import app_with_tables
from tests.test_outbound import Site, answers
from webapp import create_app, workflow
from webapp.accounts import LOCAL, Caller
from webapp.api import fixes, security
from webapp.api.access import ACCESS
from webapp.settings import Settings

BOUNDS = bounds(
    max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
# The document does not need a store.
NOWHERE = create_app(Settings(home=Path("/nowhere")))
PATHS = NOWHERE.test_client().get("/openapi.json").json["paths"]
ENDPOINTS = security.endpoints(NOWHERE)
OPERATIONS = [(path, method) for path, methods in PATHS.items() for method in methods]

# What the document cannot say, and so cannot be judged by it.
NOT_JUDGED = {
    # Each value is valid and the whole may not be: a length beyond the model's context, QLoRA on a processor.
    "/estimate": [positive_data_acceptance],
    # A picture is a body of bytes as well.
    "/upload": [positive_data_acceptance],
    # It takes a WebSocket's handshake and refuses everything else, whatever its parameters.
    "/jobs/{job_id}/ws": [positive_data_acceptance, negative_data_rejection],
}
REAL = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DATASET_PATHS = {"/recommend", "/generate", "/jobs"} | {path for path in PATHS if "{session_id}" in path}


def can_be_wrong(path, method):
    """Whether a request can differ from the document: any text is a good token."""
    operation = PATHS[path][method]
    return "requestBody" in operation or any(item["schema"] != {"type": "string"} for item in operation["parameters"])


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A hub that knows no model."""
    hub = Site()
    hub.routes = defaultdict(lambda: answers(404))
    yield Settings(home=tmp_path_factory.mktemp("home"), hf_endpoint=hub.url)
    hub.close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Nobody works on the jobs."""
    monkeypatch.setattr(fixes, "WAIT_SECONDS", 0.0)


@pytest.fixture(scope="module")
def another_sample(app, work):
    """A dataset that is analysed before anything else is asked: what is sent below queues jobs for nobody."""
    session_id = app.test_client().post("/samples/harbour-bikes").json["session_id"]
    work()
    return session_id


@pytest.fixture(scope="module")
def document(app, another_sample):
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


@pytest.mark.parametrize(
    ("path", "method", "mode"),
    [(*operation, GenerationMode.POSITIVE) for operation in OPERATIONS]
    + [(*operation, GenerationMode.NEGATIVE) for operation in OPERATIONS if can_be_wrong(*operation)],
)
def test_whatever_is_sent(document, path, method, mode):
    @BOUNDS
    @given(document[path][method].as_strategy(generation_mode=mode))
    def fuzz(case):
        case.call_and_validate(excluded_checks=NOT_JUDGED.get(path, []))

    fuzz()


# schemathesis does not close responses, and with them the file that is handed out.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("path", "method"), [(path, method) for path, method in OPERATIONS if path in DATASET_PATHS])
def test_whatever_is_asked_of_a_real_dataset(document, services, sample, path, method):
    @BOUNDS
    @given(document[path][method].as_strategy(generation_mode=GenerationMode.POSITIVE))
    def fuzz(case):
        if "session_id" in (case.path_parameters or {}):
            asked = workflow.upload_sample(services, LOCAL).id if method == "delete" else sample
            case.path_parameters["session_id"] = asked
        if isinstance(case.body, dict) and "session_id" in case.body:
            case.body["session_id"] = sample
        case.call_and_validate(checks=REAL)

    fuzz()


@pytest.mark.parametrize(("path", "method"), [(path, method) for path, method in OPERATIONS if "{job_id}" in path])
def test_whatever_is_asked_of_a_real_job(document, services, another_sample, path, method):
    notebook = workflow.generate(services, LOCAL, another_sample, "smollm2-360m")

    @BOUNDS
    @given(document[path][method].as_strategy(generation_mode=GenerationMode.POSITIVE))
    def fuzz(case):
        job = workflow.create_run(services, LOCAL, another_sample, notebook.id, "run")
        if path.endswith("/stream"):
            workflow.cancel_job(services, LOCAL, job.id)  # the stream of any other job does not end here
        case.path_parameters["job_id"] = job.id
        if path.endswith("/progress"):
            token = workflow.hand_over_run(services, LOCAL, job.id).given.token
            case.headers["Authorization"] = f"Bearer {token}"
            case.call_and_validate(checks=[*REAL, positive_data_acceptance])
            assert workflow.job_status(services, LOCAL, job.id).status != "created"
        case.call_and_validate(checks=REAL)

    fuzz()


FEW = bounds(BOUNDS, max_examples=4)
NAMES = {
    "signed in": {"Authorization": "Bearer ada"},
    "not signed in": {},
    "with a key that is none": {"X-API-Key": "x"},
}


@pytest.fixture(scope="module")
def locked(settings, tmp_path_factory):
    """The document of an app where people sign in; Ada has."""
    given = settings.model_copy(
        update={"home": tmp_path_factory.mktemp("locked"), "auth": "local", "rate_free": 1_000_000}
    )
    with app_with_tables(given) as made:
        yield schemathesis.openapi.from_wsgi("/openapi.json", signed_in.install(made, ada=Caller("ada")))


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
@pytest.mark.parametrize("who", NAMES)
def test_whoever_asks_where_people_sign_in(locked, path, method, who):
    @FEW
    @given(locked[path][method].as_strategy(generation_mode=GenerationMode.POSITIVE))
    def fuzz(case):
        case.headers = {**(case.headers or {}), **NAMES[who]}
        answer = case.call_and_validate(checks=REAL)
        if who != "signed in" and ACCESS[ENDPOINTS[path, method]] != "everyone":
            assert answer.status_code == 401

    fuzz()


def test_who_asks_too_often_is_told_as_the_document_says(settings, tmp_path):
    app = create_app(settings.model_copy(update={"home": tmp_path, "auth": "local", "rate_free": 1}))
    app.test_client().get("/models")
    document = schemathesis.openapi.from_wsgi("/openapi.json", app)
    case = document["/models"]["get"].Case()
    answer = case.call_and_validate(checks=REAL)
    app.extensions["tunebook"].db.close()
    assert answer.status_code == 429
