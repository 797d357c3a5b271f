"""The API's documentation page."""

from webapp.pages.reference import fields, type_in_words


def test_every_operation_is_on_the_page(visitor, client):
    page = visitor.visit("/docs")
    for path, methods in client.get("/openapi.json").json["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in page.text
    assert "learning_rate" in page.text
    assert "dataset_not_found" not in page.text


def test_types_in_words():
    assert type_in_words({"type": "integer", "minimum": 1, "maximum": 100, "default": 5}) == (
        "integer, from 1 to 100, by default 5"
    )
    assert type_in_words({"anyOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}]}) == "Thing or null"
    assert type_in_words({"type": "array", "items": {"type": "string"}}) == "array of string"
    assert type_in_words({"type": "string", "enum": ["a", "b"]}) == "one of a, b"
    assert type_in_words({"type": ["string", "null"]}) == "string or null"


def test_fields_follow_a_reference():
    schemas = {"Thing": {"required": ["a"], "properties": {"a": {"type": "string"}, "b": {"type": "number"}}}}
    assert [(value.name, value.required) for value in fields({"$ref": "#/components/schemas/Thing"}, schemas)] == [
        ("a", True),
        ("b", False),
    ]
