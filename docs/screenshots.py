"""Writes the pictures of README: `make screenshots`. A real server, Chromium, the sample, the whole way, two themes.

A step that is added to WALK is one more picture in docs/img, `NAME-light.png` and `NAME-dark.png`.
"""

import base64
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import requests
from playwright.sync_api import Page, expect, sync_playwright

IMAGES = Path(__file__).parent / "img"
WIDTH, HEIGHT = 1280, 860
SECONDS = 300_000  # in milliseconds, as Playwright counts: a dry run on a busy machine
# The pixels of a picture, three bytes each: browsers read PNG, so that nothing else has to.
PIXELS = """async data => {
  const image = await createImageBitmap(await (await fetch("data:image/png;base64," + data)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data: pixels } = context.getImageData(0, 0, image.width, image.height);
  const file = new FileReader();
  file.readAsDataURL(new Blob([pixels]));
  await new Promise(done => file.onload = done);
  return file.result.split(",")[1];
}"""


def diagnosis(page: Page) -> None:
    """The sample, analysed."""
    page.get_by_role("button", name="Try the sample").click()
    expect(page.get_by_text("Valid conversations")).to_be_visible(timeout=SECONDS)


def models(page: Page) -> None:
    """The models that fit."""
    page.get_by_role("button", name="Recommend models").click()
    page.evaluate("document.getElementById('models-title').scrollIntoView()")


def plan(page: Page) -> None:
    """The training plan for the first of them."""
    page.get_by_role("link", name=re.compile("^Choose ")).first.click()
    page.evaluate("document.getElementById('plan').scrollIntoView()")


def notebook(page: Page) -> None:
    """The notebook, which has been run."""
    page.get_by_role("button", name="Make the notebook").click()
    expect(page.get_by_text("It ran:")).to_be_visible(timeout=SECONDS)


def run(page: Page) -> None:
    """How that run went."""
    page.goto(f"{_origin(page)}/runs/{_dry_run(page)}")
    expect(page.get_by_role("heading", name="Curves")).to_be_visible()


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
            blank = browser.new_page()
            page.goto(address)
            for name, go in WALK.items():
                go(page)
                for theme in ("light", "dark"):
                    page.emulate_media(color_scheme=theme)
                    taken = page.screenshot(animations="disabled", caret="hide")
                    (IMAGES / f"{name}-{theme}.png").write_bytes(small(blank, taken))
                page.emulate_media(color_scheme="light")
        finally:
            browser.close()
            app.send_signal(signal.SIGTERM)
            app.wait()


def small(blank: Page, picture: bytes) -> bytes:
    """The same PNG with at most 256 colours: those there are most of, for each other the nearest of them."""
    decoded = base64.b64decode(blank.evaluate(PIXELS, base64.b64encode(picture).decode()))
    width, height = struct.unpack(">II", picture[16:24])
    pixels = np.frombuffer(decoded, np.uint8).reshape(-1, 4)[:, :3].astype(np.int32)
    colours, place, counts = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    kept = colours[np.argsort(-counts, kind="stable")[:256]]
    nearest = np.array([np.abs(kept - colour).sum(axis=1).argmin() for colour in colours], np.uint8)
    lines = nearest[place.reshape(-1)].reshape(height, width)
    raw = b"".join(b"\0" + line.tobytes() for line in lines)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", head),
        (b"PLTE", kept.astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(raw, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _origin(page: Page) -> str:
    return "/".join(page.url.split("/")[:3])


def _dry_run(page: Page) -> str:
    """The id of the newest run."""
    newest: str = requests.get(f"{_origin(page)}/jobs", timeout=10).json()[0]["id"]
    return newest


if __name__ == "__main__":
    main()
