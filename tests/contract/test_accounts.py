"""schemathesis over the routes of accounts, as somebody who has signed in: by a token, and by a key."""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth

from webapp import create_app, workflow
from webapp.accounts.throttle import Throttle
from webapp.settings import Settings
from webapp.storage.tables import new_id

BOUNDS = bounds(
    max_examples=12, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
PATHS = create_app(Settings(home=Path("/nowhere"), auth="local")).test_client().get("/openapi.json").json["paths"]
# Those of the reference's addresses are the same; after signing out there is nobody left who asks.
OPERATIONS = [
    (path, method)
    for path, methods in PATHS.items()
    for method in methods
    if path.startswith(("/v1/auth/", "/v1/user/")) and not path.endswith("/logout")
]
# Beside the good key it sends an access token that is none, and of the two the key is looked at.
NOT_JUDGED = [ignored_auth]


def can_be_wrong(path, method):
    return "requestBody" in PATHS[path][method] or bool(PATHS[path][method]["parameters"])


pytestmark = pytest.mark.usefixtures("quick_passwords", "no_counting")


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(home=tmp_path_factory.mktemp("home"), auth="local", rate_free=1_000_000)


@pytest.fixture
def no_counting(monkeypatch):
    for name in ("attempt", "registration"):
        monkeypatch.setattr(Throttle, name, lambda *_: None)


@pytest.fixture(scope="module")
def document(app):
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


@pytest.fixture(params=["Authorization", "X-API-Key"])
def headers(request, services, quick_passwords, no_counting):
    made = services.accounts.register(f"{new_id()}@example.org", "correct horse battery", "", "")
    if request.param == "Authorization":
        return {"Authorization": f"Bearer {made.access_token}"}
    key = workflow.make_key(services, made.caller, "all", ["read", "write", "delete", "train", "admin"], None)
    return {"X-API-Key": key.text}


@pytest.mark.parametrize(
    ("path", "method", "mode"),
    [(*operation, GenerationMode.POSITIVE) for operation in OPERATIONS]
    + [(*operation, GenerationMode.NEGATIVE) for operation in OPERATIONS if can_be_wrong(*operation)],
)
def test_whatever_is_sent(document, headers, path, method, mode):
    @BOUNDS
    @given(document[path][method].as_strategy(generation_mode=mode))
    def fuzz(case):
        case.call_and_validate(headers=headers, excluded_checks=NOT_JUDGED if "X-API-Key" in headers else [])

    fuzz()
