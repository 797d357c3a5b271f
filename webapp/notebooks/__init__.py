"""Notebooks: what they are made of, rendering them, and running them with the user's rows."""

from webapp.notebooks.rendering import render
from webapp.notebooks.spec import NotebookSpec, TrainingConfig, suggest_config

__all__ = ["NotebookSpec", "TrainingConfig", "render", "suggest_config"]
