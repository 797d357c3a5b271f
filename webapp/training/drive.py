"""Where a run is kept: beside the notebook, or on Google Drive, which outlives Colab's machine."""

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from webapp.training.configuration import RunConfig
from webapp.training.runtime import on_colab

DRIVE = Path("/content/drive")


def choose_folder(config: RunConfig, dataset_sha256: str) -> RunConfig:
    """The configuration with its `output_dir` on Drive where that is asked for; says what an interruption would cost.

    On Colab it asks for access to Drive, once, before anything long has run.
    """
    if on_colab() and config.keep_on_drive:
        from google.colab import drive

        drive.mount(str(DRIVE))
        # A folder for each run: another notebook's results are not to be replaced.
        mark = f"-{config.fingerprint(dataset_sha256)[:8]}"
        name = Path(config.output_dir).name.removesuffix(mark) + mark  # the same when the cell is run again
        config = replace(config, output_dir=str(DRIVE / "MyDrive" / name))
    lost = f"an interruption costs at most {config.checkpoint_minutes:g} minutes of training"
    if not outlives_session(Path(config.output_dir)):
        lost = "a DISCONNECT LOSES EVERYTHING, results too; keep_on_drive = True would keep it on Google Drive"
    elif config.keep_on_drive and not on_colab():
        lost += " (keep_on_drive is for Colab)"
    print(f"results and checkpoints go to {Path(config.output_dir).absolute()}: {lost}")
    return config


def outlives_session(folder: Path) -> bool:
    """Whether what lies in `folder` is there after a disconnect: anywhere but on the disk of Colab's machine."""
    return not on_colab() or DRIVE in folder.parents


def discard(path: Path) -> None:
    """Removes a file if it is there; on Drive it is emptied first: the trash it goes to counts against the quota."""
    if DRIVE in path.parents:
        with suppress(OSError):
            os.truncate(path, 0)
    path.unlink(missing_ok=True)


def discard_folder(folder: Path) -> None:
    """Discards what is in `folder`, and the folder; nothing where it is absent."""
    for path in folder.rglob("*"):
        if path.is_file():
            discard(path)
    shutil.rmtree(folder, ignore_errors=True)


def settle_folder(config: RunConfig) -> None:
    """Waits until what lies in Drive's cache on this machine has reached Drive."""
    if on_colab() and config.keep_on_drive:
        from google.colab import drive

        drive.flush_and_unmount()
