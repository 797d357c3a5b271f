"""Build hook: puts OpenAI's rank files, the page assets and the notebook templates into the wheel.

The rank files are OpenAI's (see NOTICE). They are taken out of a wheel that ships them, so that token counts need no
network after installation and the repository holds no large binary.
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
# By tiktoken's cache name, the SHA-1 of the address a file is published at: the `expected_hash` of o200k_base() and of
# cl100k_base() in tiktoken_ext/openai_public.py, tiktoken 0.14.0.
RANK_FILES = {
    "fb374d419588a4632f3f557e76b4b70aebbca790": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "9b5ad71b2ce5302211f9c61530b329a4922fc6a4": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
PACKAGED_FOLDERS = ("static", "notebook_templates")


class RankFileHook(BuildHookInterface[Any]):
    """Runs before each wheel: an ordinary one carries the files, an editable one reads them from the tree."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        encodings = root / "webapp" / "_data" / "encodings"
        place_rank_files(encodings)
        if version != "editable":
            include = build_data["force_include"]
            for name in RANK_FILES:
                include[str(encodings / name)] = f"webapp/_data/encodings/{name}"
            for folder in PACKAGED_FOLDERS:
                include[str(root / folder)] = f"webapp/_data/{folder}"


def place_rank_files(target: Path) -> None:
    """Make `target` the folder of the checked rank files; nothing is downloaded when they are there."""
    missing = [name for name in RANK_FILES if not _is_there(target / name)]
    if not missing:
        return
    with tempfile.TemporaryDirectory() as folder:
        found = _download(Path(folder), missing)
    for name, data in found.items():
        if not _is_right(name, data):
            raise SystemExit(f"The rank file {name} in {SOURCE} does not have the SHA-256 {RANK_FILES[name]}.")
    target.mkdir(parents=True, exist_ok=True)
    for name, data in found.items():
        partial = target / f"{name}.partial"
        partial.write_bytes(data)
        partial.replace(target / name)


def _is_there(path: Path) -> bool:
    return path.is_file() and _is_right(path.name, path.read_bytes())


def _is_right(name: str, data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == RANK_FILES[name]


def _download(folder: Path, names: list[str]) -> dict[str, bytes]:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    # Only data files of that package are read, so its own Python requirement does not matter.
    command += ["--ignore-requires-python", "--disable-pip-version-check", "--quiet", "--dest", str(folder), SOURCE]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return {name: archive.read(MEMBER_FOLDER + name) for name in names}
    except (subprocess.SubprocessError, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = getattr(error, "stderr", None) or error
        raise SystemExit(
            f"Building tunebook needs the token rank files out of {SOURCE}, which pip could not get. Check that "
            f"this machine reaches a package index, then build again.\n{reason}"
        ) from error
