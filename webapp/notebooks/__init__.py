"""Notebooks: what they are made of, rendering them, and running them with the user's rows.

`running` and `progress` are not loaded with it: only processes that run notebooks need an executor.
"""

from webapp.notebooks.assembly import assemble, effective_config
from webapp.notebooks.delivery import Delivery, Embedded, Fetched, Secret
from webapp.notebooks.rendering import render
from webapp.notebooks.spec import NotebookSpec, TrainingConfig
from webapp.notebooks.trainable import require_trainable

__all__ = [
    "Delivery",
    "Embedded",
    "Fetched",
    "NotebookSpec",
    "Secret",
    "TrainingConfig",
    "assemble",
    "effective_config",
    "render",
    "require_trainable",
]
