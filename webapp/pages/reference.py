"""The API's documentation, from the OpenAPI document itself."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from apiflask import APIFlask
from flask import Blueprint, current_app, render_template, request

_ERROR = "Error"


@dataclass(frozen=True)
class Value:
    """A parameter or a field: its name, its type in words, whether it must be there, and what it is."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True)
class Operation:
    """One method of one path, flat enough for a template."""

    method: str
    path: str
    summary: str
    description: str
    parameters: list[Value]
    body: list[Value]
    responses: list[tuple[str, str, str]]

    @property
    def anchor(self) -> str:
        """Its place on the page of its part."""
        return f"{self.method.lower()}{re.sub('[^a-z_]+', '-', self.path)}"


def add_to(bp: Blueprint) -> None:
    """Registers these pages."""
    bp.get("/docs", endpoint="docs")(show)


def show() -> str:
    """The operations by name; with a tag as the query string's `part`, all there is to know of its operations."""
    document = cast("Mapping[str, Any]", cast("APIFlask", current_app)._get_spec())
    schemas = document["components"]["schemas"]
    sections, part = _sections(document), request.args.get("part", "")
    if part not in sections:
        return render_template("docs.html", sections=sections, error=fields(schemas[_ERROR], schemas))
    used = _used(list(_described(document, part)), schemas) - {_ERROR}
    found = {name: fields(schemas[name], schemas) for name in sorted(used)}
    return render_template("docs_part.html", part=part, operations=sections[part], schemas=found)


def _described(document: Mapping[str, Any], part: str) -> Iterator[Any]:
    """The operations of a part as the document has them."""
    for methods in document["paths"].values():
        yield from (operation for operation in methods.values() if operation["tags"][0] == part)


def _used(described: Any, schemas: Mapping[str, Any]) -> set[str]:
    """The schemas that a part of the document refers to, and those that these refer to."""
    found: set[str] = set()
    waiting = [described]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += item
        elif isinstance(item, Mapping):
            waiting += item.values()
            name = _name(str(item.get("$ref", "")))
            if name in schemas and name not in found:
                found.add(name)
                waiting.append(schemas[name])
    return found


def _sections(document: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """The operations by tag, in the document's order."""
    found: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append(_operation(path, method, operation, document))
    return found


def _operation(path: str, method: str, operation: Mapping[str, Any], document: Mapping[str, Any]) -> Operation:
    schemas = document["components"]["schemas"]
    (body,) = operation.get("requestBody", {}).get("content", {"": {"schema": {}}}).values()
    return Operation(
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        parameters=[
            Value(
                item["name"],
                type_in_words(item["schema"]),
                item.get("required", False),
                item["schema"].get("description", f"In the {item['in']}."),
            )
            for item in operation["parameters"]
        ],
        body=fields(body["schema"], schemas),
        responses=[
            (status, response.get("description", ""), _content(response))
            for status, response in operation["responses"].items()
        ],
    )


def fields(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[Value]:
    """The fields of an object schema, a reference followed."""
    if "$ref" in schema:
        schema = schemas[_name(schema["$ref"])]
    required = schema.get("required", ())
    return [
        Value(name, type_in_words(field), name in required, field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]


def type_in_words(schema: Mapping[str, Any]) -> str:
    """A schema in a line: "integer, 1 to 100, by default 5"."""
    if "$ref" in schema:
        return _name(schema["$ref"])
    if "anyOf" in schema:
        return " or ".join(type_in_words(choice) for choice in schema["anyOf"])
    kind = schema.get("type", "any")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if kind == "array":
        words = f"array of {type_in_words(schema.get('items', {}))}"
    if "enum" in schema:
        words = f"one of {', '.join(map(str, schema['enum']))}"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None or high is not None:
        words += f", {'' if low is None else f'from {low} '}{'' if high is None else f'to {high}'}".rstrip()
    if schema.get("default") is not None:
        words += f", by default {schema['default']}"
    return words


def _content(response: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{kind}: {type_in_words(content['schema'])}" for kind, content in response.get("content", {}).items()
    )


def _name(reference: str) -> str:
    return reference.rsplit("/", 1)[-1]
