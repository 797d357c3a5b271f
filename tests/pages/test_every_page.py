"""What holds of every page, seen without a browser: it is listed, it is light, and it needs nobody else."""

import re
from urllib.parse import urljoin

import pytest

from tests.conftest import BROWSER
from tests.every_page import NOT_LISTED, PAGES, Filled, fill, sample_rows

# Of a page with its style sheet and scripts, uncompressed; and how much is asked for to show it.
MAX_BYTES = 150 * 1024
MAX_REQUESTS = 9
# What a page names that a browser fetches by itself.
FETCHED = re.compile(r'<(?:link|script|img|source|iframe|object|embed)\b[^>]*?\b(?:href|src|data)="([^"]+)"')
IMPORTED = re.compile(
    r"""^(?:import|export)\b(?:[^;"'()]*\bfrom)?\s*["']([^"']+)["']|\bimport\(["']([^"']+)["']\)""", re.MULTILINE
)
IN_SHEETS = re.compile(r"""url\(|@import""")


@pytest.fixture(scope="module")
def filled(services) -> Filled:
    return fill(services, sample_rows(), "harbour_bikes.jsonl")


def pages_of(app):
    """The endpoints that answer pages."""
    own = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in rule.methods}
    return {name for name in own if name.startswith("pages.")} | {"service.index"}


def test_every_page_is_listed(app):
    listed = {endpoint for endpoint, _ in PAGES}
    assert pages_of(app) - set(NOT_LISTED) == listed, "Add a line to PAGES in tests/every_page.py."


def weighed(client, path):
    """The bytes of a page, and of each thing that a browser fetches for it, by address."""
    found = {}
    waiting = [path]
    while waiting:
        address = waiting.pop()
        if address in found:
            continue
        assert address.startswith("/"), f"{path} needs {address}"
        with client.get(address, headers=BROWSER) as answer:
            # A page that tells of a problem is one as well.
            assert answer.status_code == 200 or address == path, f"{path}: {address} answers {answer.status_code}"
            found[address] = len(answer.data)
            if answer.mimetype == "text/html":
                assert "<h1>That did not work" not in answer.text
                waiting += FETCHED.findall(answer.text)
            elif address.endswith(".js"):
                waiting += [urljoin(address, "".join(names)) for names in IMPORTED.findall(answer.text)]
            elif address.endswith(".css"):
                assert not IN_SHEETS.search(answer.text)
    return found


@pytest.mark.parametrize("path", [path for _, path in PAGES])
def test_it_is_light_and_all_of_it_is_ours(client, filled, path):
    found = weighed(client, path.format(**vars(filled)))
    assert len(found) <= MAX_REQUESTS, sorted(found)
    assert sum(found.values()) <= MAX_BYTES, found
