"""A folder as numbered files of a bounded size, for ways that carry one small file at a time.

It works on both sides of the way: where the notebook runs only this source is there, so that it needs no other package.
"""

import hashlib
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PART_BYTES = 16 * 1024 * 1024
# What is carried at most, in all.
MOST_BYTES = 1024**3
# By folder, which files come first: the report, the model itself, what a run goes on from, then exports.
_CHECKPOINTS = "checkpoints"
_RANKS = {"model": 1, _CHECKPOINTS: 2, "merged": 3, "gguf": 3}


def pack(folder: str, parcel: str, most: int) -> dict[str, Any]:
    """Writes the files of `folder` into `parcel`.000, `parcel`.001 and so on, those that matter most first.

    Answers `{files, parts, sha256, left_out}`: files that would make it more than `most` bytes are left out, by name.
    """
    root, left_out, files, total = Path(folder), list[str](), 0, 0
    archive = Path(f"{parcel}.tar")
    with tarfile.open(archive, "w") as tar:
        for path in sorted(_files(root), key=lambda path: _place(path, root)):
            size, name = path.stat().st_size, path.relative_to(root).as_posix()
            if total + size > most:
                left_out.append(name)
            else:
                tar.add(path, name, recursive=False)
                files, total = files + 1, total + size
    digest, parts = hashlib.sha256(), 0
    with archive.open("rb") as file:
        while block := file.read(PART_BYTES):
            digest.update(block)
            Path(part(parcel, parts)).write_bytes(block)
            parts += 1
    archive.unlink()
    return {"files": files, "parts": parts, "sha256": digest.hexdigest(), "left_out": left_out}


def unpack(parcel: str, parts: int, sha256: str, folder: str) -> None:
    """Puts what was packed in place of `folder` and removes the parts; ValueError when they are not what was packed."""
    archive, fresh = Path(f"{parcel}.tar"), Path(f"{folder}.unpacked")
    digest = hashlib.sha256()
    with archive.open("wb") as file:
        for number in range(parts):
            block = Path(part(parcel, number)).read_bytes()
            digest.update(block)
            file.write(block)
            Path(part(parcel, number)).unlink()
    if digest.hexdigest() != sha256:
        raise ValueError("the files were damaged on their way")
    shutil.rmtree(fresh, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extractall(fresh, filter="data")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.replace(folder)
    archive.unlink()


def part(parcel: str, number: int) -> str:
    """The name of one of the files."""
    return f"{parcel}.{number:03}"


def lasting(names: list[str]) -> list[str]:
    """Those that are results: checkpoints are only there to be gone on from."""
    return [name for name in names if _CHECKPOINTS not in name.split("/")[:-1]]


def _place(path: Path, root: Path) -> tuple[int, float, int]:
    """What files are sorted by: their rank, then checkpoints by age, the newest first, and others by size."""
    rank = max((_RANKS.get(folder, 0) for folder in path.relative_to(root).parts[:-1]), default=0)
    known = path.stat()
    return rank, -known.st_mtime if rank == _RANKS[_CHECKPOINTS] else 0.0, known.st_size


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
