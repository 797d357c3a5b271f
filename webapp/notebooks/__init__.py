"""Notebooks: what they are made of, rendering them, and running them with the user's rows.

`running` and `progress` are not loaded with it: only processes that run notebooks need an executor.
"""

from webapp.notebooks.assembly import assemble
from webapp.notebooks.delivery import Delivery, Embedded, Fetched, Secret
from webapp.notebooks.planning import Plan, plan_run
from webapp.notebooks.rendering import render
from webapp.notebooks.spec import NotebookSpec, TrainingConfig
from webapp.notebooks.trainable import require_trainable
from webapp.notebooks.trials import require_template

__all__ = [
    "Delivery",
    "Embedded",
    "Fetched",
    "NotebookSpec",
    "Plan",
    "Secret",
    "TrainingConfig",
    "assemble",
    "plan_run",
    "render",
    "require_template",
    "require_trainable",
]
