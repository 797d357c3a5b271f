"""The API's documentation page."""

from urllib.parse import quote_plus

from webapp.pages.reference import fields, type_in_words


def test_every_operation_is_listed_and_explained_with_its_part(visitor, client):
    page = visitor.visit("/docs")
    parts = {}
    for path, methods in client.get("/openapi.json").json["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path} {operation['summary']}" in page.text
            parts.setdefault(operation["tags"][0], []).append(f"{method.upper()} {path}")
    for part, operations in parts.items():
        explained = visitor.visit(f"/docs?part={part}")
        assert all(operation in explained.text for operation in operations)
        targets = {link.partition("#")[2] for link in page.links if f"part={quote_plus(part)}#" in link}
        assert targets <= set(explained.ids)
        assert len(targets) == len(operations)


def test_every_schema_is_explained_where_it_is_used(visitor, client):
    document = client.get("/openapi.json").json
    found = set(visitor.visit("/docs").ids)
    for part in {operation["tags"][0] for methods in document["paths"].values() for operation in methods.values()}:
        found |= set(visitor.visit(f"/docs?part={part}").ids)
    # APIFlask's own, which no operation refers to.
    assert set(document["components"]["schemas"]) - found == {"HTTPError"}
    jobs = visitor.visit("/docs?part=Jobs")
    assert "JobBody" in jobs.ids
    assert "GenerateRequest" not in jobs.ids


def test_a_part_that_there_is_not_is_all_of_it(visitor):
    assert "GET /jobs" in visitor.visit("/docs?part=nothing").text


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
