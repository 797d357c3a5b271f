"""Where a run is kept: beside the notebook, or on Google Drive, which outlives Colab's machine."""

from dataclasses import replace
from pathlib import Path

from webapp.training.configuration import RunConfig
from webapp.training.packages import on_colab

DRIVE = Path("/content/drive")


def choose_folder(config: RunConfig) -> RunConfig:
    """The configuration with its `output_dir` on Drive where that is asked for; says what an interruption would cost.

    On Colab it asks for access to Drive, once, before anything long has run.
    """
    lost = f"an interruption costs at most {config.checkpoint_minutes:g} minutes of training"
    if on_colab() and config.keep_on_drive:
        from google.colab import drive

        drive.mount(str(DRIVE))
        config = replace(config, output_dir=str(DRIVE / "MyDrive" / Path(config.output_dir).name))
    elif on_colab():
        lost = "a DISCONNECT LOSES EVERYTHING, results too; keep_on_drive = True would keep it on Google Drive"
    elif config.keep_on_drive:
        lost += " (keep_on_drive is for Colab)"
    print(f"results and checkpoints go to {Path(config.output_dir).absolute()}: {lost}")
    return config
