"""Lists that go on: the `Link` header that leads to the next page (RFC 8288)."""

from urllib.parse import urlencode

from flask import request

LINK_HEADER = {"Link": {"description": '`rel="next"`: the next page, if any (RFC 8288).', "schema": {"type": "string"}}}


def next_page(path: str, place: str | None) -> dict[str, str]:
    """The headers of a page behind which the list goes on at a place; none at its end."""
    if place is None:
        return {}
    asked = urlencode(request.args.to_dict() | {"after": place})
    return {"Link": f'<{path}?{asked}>; rel="next"'}
