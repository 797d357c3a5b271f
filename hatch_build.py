"""Build hook: puts the o200k_base rank file, the page assets and the notebook templates into the wheel.

The rank file is OpenAI's (see NOTICE). It is taken out of a wheel that ships it, so that token counts need no network
after installation and the repository holds no large binary.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "llama-index-core==0.14.25"
MEMBER_FOLDER = "llama_index/core/_static/tiktoken_cache/"
# tiktoken's cache name of the file: the SHA-1 of the address it is published at.
RANK_FILE = "fb374d419588a4632f3f557e76b4b70aebbca790"
# `expected_hash` of o200k_base() in tiktoken_ext/openai_public.py, tiktoken 0.14.0.
RANK_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
PACKAGED_FOLDERS = ("static", "notebook_templates")


class RankFileHook(BuildHookInterface[Any]):
    """Runs before each wheel: an ordinary one carries the files, an editable one reads them from the tree."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        target = root / "webapp" / "_data" / "encodings" / RANK_FILE
        place_rank_file(target)
        if version != "editable":
            include = build_data["force_include"]
            include[str(target)] = f"webapp/_data/encodings/{RANK_FILE}"
            for folder in PACKAGED_FOLDERS:
                include[str(root / folder)] = f"webapp/_data/{folder}"


def place_rank_file(target: Path) -> None:
    """Make `target` the checked rank file; nothing is downloaded when it already is."""
    if target.is_file() and _is_right(target.read_bytes()):
        return
    with tempfile.TemporaryDirectory() as folder:
        data = _download(Path(folder))
    if not _is_right(data):
        raise SystemExit(f"The o200k_base rank file in {SOURCE} does not have the SHA-256 {RANK_SHA256}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(target)


def _is_right(data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == RANK_SHA256


def _download(folder: Path) -> bytes:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    # Only one data file of that package is read, so its own Python requirement does not matter.
    command += ["--ignore-requires-python", "--disable-pip-version-check", "--quiet", "--dest", str(folder), SOURCE]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(MEMBER_FOLDER + RANK_FILE)
    except (subprocess.SubprocessError, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = getattr(error, "stderr", None) or error
        raise SystemExit(
            f"Building tunebook needs the o200k_base rank file out of {SOURCE}, which pip could not get. Check that "
            f"this machine reaches a package index, then build again.\n{reason}"
        ) from error
