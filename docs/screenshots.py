"""Writes the pictures of README: `make screenshots`. A real server, Chromium, the sample, the whole way, two themes.

A step that is added to WALK is one more picture in docs/img, `NAME-light.png` and `NAME-dark.png`.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import requests
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

IMAGES = Path(__file__).parent / "img"
WIDTH, HEIGHT = 1280, 860
SECONDS = 300_000  # in milliseconds, as Playwright counts: a dry run on a busy machine


def diagnosis(page: Page) -> None:
    """The sample, analysed."""
    page.get_by_role("button", name="Try the sample").click()
    expect(page.get_by_text("Valid conversations")).to_be_visible(timeout=SECONDS)


def models(page: Page) -> None:
    """The models that fit."""
    page.get_by_role("link", name="Choose a model").click()


def plan(page: Page) -> None:
    """The training plan for the first of them."""
    page.get_by_role("link", name=re.compile("^Choose ")).first.click()


def notebook(page: Page) -> None:
    """The notebook, which has been run."""
    page.get_by_role("button", name="Make the notebook").click()
    expect(page.get_by_text("Run on your rows:")).to_be_visible(timeout=SECONDS)


def run(page: Page) -> None:
    """How that run went."""
    page.goto(f"{_origin(page)}/runs/{_dry_run(page)}")
    expect(page.get_by_role("heading", name="Curves")).to_be_visible()


def result(page: Page) -> None:
    """What came of it."""
    page.goto(f"{_origin(page)}/runs/{_dry_run(page)}/result")


def rows(page: Page) -> None:
    """The rows of its dataset."""
    dataset = requests.get(f"{_origin(page)}/jobs/{_dry_run(page)}", timeout=10).json()["session_id"]
    page.goto(f"{_origin(page)}/datasets/{dataset}/rows")


def history(page: Page) -> None:
    """What there is."""
    page.goto(f"{_origin(page)}/history")


# Each picture, and how one comes to it from the one before.
WALK: dict[str, Callable[[Page], None]] = {
    "start": lambda page: None,  # noqa: ARG005
    "diagnosis": diagnosis,
    "models": models,
    "plan": plan,
    "notebook": notebook,
    "run": run,
    "result": result,
    "rows": rows,
    "history": history,
}


def main() -> None:
    """Walks the way once, and takes each picture in both themes."""
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        command = [str(Path(sys.executable).with_name("tunebook")), "serve", "--port", "0"]
        environment = os.environ | {"TUNEBOOK_HOME": home}
        app = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), chromium_sandbox=False)
        try:
            address = next(line for line in app.stdout or () if "ready at" in line).split()[-1]
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce")
            page.goto(address)
            for name, go in WALK.items():
                go(page)
                for theme in ("light", "dark"):
                    page.emulate_media(color_scheme=theme)
                    taken = page.screenshot(animations="disabled", caret="hide")
                    (IMAGES / f"{name}-{theme}.png").write_bytes(small(taken))
                page.emulate_media(color_scheme="light")
        finally:
            browser.close()
            app.send_signal(signal.SIGTERM)
            app.wait()


def small(picture: bytes) -> bytes:
    """The same PNG with at most 256 colours."""
    written = BytesIO()
    Image.open(BytesIO(picture)).convert("RGB").quantize(
        256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    ).save(written, "PNG", optimize=True)
    return written.getvalue()


def _origin(page: Page) -> str:
    return "/".join(page.url.split("/")[:3])


def _dry_run(page: Page) -> str:
    """The id of the newest run."""
    newest: str = requests.get(f"{_origin(page)}/jobs", timeout=10).json()[0]["id"]
    return newest


if __name__ == "__main__":
    main()
