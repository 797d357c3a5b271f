"""The OpenAPI document is valid and complete."""

import re

import pytest
from openapi_spec_validator import validate

REFERENCE = {
    ("get", "/"),
    ("get", "/health"),
    ("post", "/upload"),
    ("get", "/analyze/{session_id}"),
    ("get", "/preview/{session_id}"),
    ("get", "/preview/{session_id}/distribution"),
    ("get", "/preview/{session_id}/duplicates"),
    ("post", "/recommend"),
    ("post", "/generate"),
    ("get", "/jobs"),
    ("post", "/jobs"),
    ("get", "/jobs/{job_id}"),
    ("patch", "/jobs/{job_id}"),
    ("delete", "/jobs/{job_id}"),
    ("get", "/download/{token}/{filename}"),
    ("post", "/samples/harbour-bikes"),
}
PAGES = ("pages.", "static", "openapi.")


@pytest.fixture(scope="module")
def document(app):
    return app.test_client().get("/openapi.json").json


@pytest.fixture(scope="module")
def operations(document):
    return {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_it_is_valid_openapi_3_1(document):
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_it_has_every_route_of_the_reference(operations):
    assert set(operations) >= REFERENCE


def test_every_route_is_documented(app, operations):
    routes = {
        (method.lower(), re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.startswith(PAGES)
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert routes == set(operations)


def test_every_operation_says_what_it_does(operations):
    for key, operation in operations.items():
        assert operation["summary"], key
        assert operation["operationId"], key
    assert len({operation["operationId"] for operation in operations.values()}) == len(operations)


def test_every_error_has_the_one_body(operations):
    for key, operation in operations.items():
        for status, response in operation["responses"].items():
            assert response["description"], (key, status)
            assert "X-Request-Id" in response["headers"], (key, status)
            if status >= "400":
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Error"}, (key, status)


def test_every_write_says_that_other_websites_are_refused_and_what_it_takes(operations):
    for (method, path), operation in operations.items():
        if method == "post":
            assert "403" in operation["responses"], path
        if "requestBody" in operation:
            # A refresh token may come as the bearer token, too.
            assert operation["requestBody"]["required"] or path.endswith("/auth/refresh"), path
            assert {"400", "413"} <= set(operation["responses"]), path


def test_the_upload_is_documented_as_multipart(operations):
    (content_type,) = operations["post", "/upload"]["requestBody"]["content"]
    assert content_type == "multipart/form-data"


def test_the_examples_of_requests_are_valid(operations):
    from webapp.api.account_bodies import KeyRequest, LoginRequest, RegisterRequest
    from webapp.api.schemas import (
        ChangeJobRequest,
        ColabRequest,
        CreateJobRequest,
        FixRequest,
        GenerateRequest,
        RecommendRequest,
    )

    for method, path, model in (
        ("post", "/recommend", RecommendRequest),
        ("post", "/generate", GenerateRequest),
        ("post", "/notebooks/{notebook_id}/colab", ColabRequest),
        ("post", "/datasets/{session_id}/fix", FixRequest),
        ("post", "/v1/auth/register", RegisterRequest),
        ("post", "/v1/auth/login", LoginRequest),
        ("post", "/v1/auth/api-keys", KeyRequest),
        ("post", "/jobs", CreateJobRequest),
        ("patch", "/jobs/{job_id}", ChangeJobRequest),
    ):
        content = operations[method, path]["requestBody"]["content"]["application/json"]
        model.model_validate(content["example"])


def test_strict_models_document_their_bounds(document):
    settings = document["components"]["schemas"]["GenerateRequest.TrainingConfig"]
    assert settings["additionalProperties"] is False
    assert settings["properties"]["num_epochs"]["minimum"] == 1
    assert settings["properties"]["num_epochs"]["maximum"] == 100
