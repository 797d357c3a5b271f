"""Notebooks: what they are made of, rendering them, and running them with the user's rows."""

from webapp.notebooks.assembly import assemble, effective_config
from webapp.notebooks.progress import Progress
from webapp.notebooks.rendering import render
from webapp.notebooks.running import RunReport, Watch, dry_run, run_notebook
from webapp.notebooks.spec import NotebookSpec, TrainingConfig

__all__ = [
    "NotebookSpec",
    "Progress",
    "RunReport",
    "TrainingConfig",
    "Watch",
    "assemble",
    "dry_run",
    "effective_config",
    "render",
    "run_notebook",
]
