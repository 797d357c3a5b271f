"""Server time of every page for a dataset of 100,000 chats of `corpus.py`: `python benchmarks/pages.py [ROWS]`.

The bar is 300 ms. Pages are rendered in this process, over a real store, with everything that happens around a request;
beside each stands a bare Flask application that puts the same text, line by line, through a template. The first request
of each page fills caches; the median is of the following ones.
"""

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from corpus import Pool, chats
from flask import Flask, render_template_string

from tests.every_page import PAGES, fill
from webapp import create_app
from webapp.settings import Settings
from webapp.workflow import open_services

ROWS, REQUESTS, BAR = 100_000, 7, 300
HTML = {"Accept": "text/html"}


def main() -> None:
    """Prints first, median and the ratio to the bare application, page by page."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    content = "".join(itertools.islice(chats(Pool(), sys.maxsize), rows)).encode()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        services = open_services(settings)
        services.db.migrate()
        filled = fill(services, content, "chats.jsonl")
        services.db.close()
        app = create_app(settings)
        print(f"{rows:,} rows, {len(content) / 1e6:.0f} MB; milliseconds")
        slow = [path for path, median in measured(app, filled.paths()).items() if median > BAR]
        app.extensions["tunebook"].db.close()
        print(f"over {BAR} ms: {', '.join(slow) or 'none'}")


def measured(app: Flask, paths: list[str]) -> dict[str, float]:
    """The median of each page, printed as it is found."""
    medians = {}
    client = app.test_client()
    for (_, name), path in zip(PAGES, paths, strict=True):
        answer, first = timed(lambda path=path: client.get(path, headers=HTML))
        assert answer.status_code < 500, path  # that columns have to be named is a page as well
        medians[name] = median = median_of(lambda path=path: client.get(path, headers=HTML))
        bare = median_of(bare_page(answer.text))
        print(f"{median:7.1f}  first {first:7.1f}  {median / bare:5.1f} times a bare page  {name}", flush=True)
    return medians


def bare_page(text: str) -> Callable[[], object]:
    """Asks an application that does nothing but put the text into a template."""
    app, lines = Flask("bare"), text.split("\n")
    template = "{% for line in lines %}{{ line }}\n{% endfor %}"
    app.get("/")(lambda: render_template_string(template, lines=lines))
    client = app.test_client()
    return lambda: client.get("/")


def timed(call: Callable[[], object]) -> tuple[object, float]:
    """What a call answers, and its milliseconds."""
    began = time.perf_counter()
    answer = call()
    return answer, (time.perf_counter() - began) * 1000


def median_of(call: Callable[[], object]) -> float:
    """The median of some calls after the first."""
    call()
    return statistics.median(timed(call)[1] for _ in range(REQUESTS))


if __name__ == "__main__":
    main()
