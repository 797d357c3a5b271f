"""Lists that go on: the `Link` header that leads to the next page (RFC 8288)."""

from typing import Annotated, Any
from urllib.parse import urlencode

from flask import request
from pydantic import Field, WithJsonSchema

from webapp.workflow import CURSOR_PATTERN

LINK_HEADER = {"Link": {"description": '`rel="next"`: the next page, if any (RFC 8288).', "schema": {"type": "string"}}}

Cursor = Annotated[str | None, Field(pattern=CURSOR_PATTERN, description="From the `Link` of the page before.")]


def without_default(schema: dict[str, Any]) -> None:
    """What a request carries is there or is not: nothing in it says null."""
    schema.pop("default", None)


AfterIndex = Annotated[
    int | None,
    Field(ge=0, le=2**31, json_schema_extra=without_default),
    WithJsonSchema(
        {
            "type": "integer",
            "minimum": 0,
            "maximum": 2**31,
            "description": "The `index` behind which to begin, instead of at `page`: from a `Link` header.",
        }
    ),
]


def next_page(path: str, place: str | None) -> dict[str, str]:
    """The headers of a page behind which the list goes on at a place; none at its end."""
    if place is None:
        return {}
    asked = urlencode(request.args.to_dict() | {"after": place})
    return {"Link": f'<{path}?{asked}>; rel="next"'}
