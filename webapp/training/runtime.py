"""Whose machine the notebook is on, and what a person shares with it there."""

import os
import sys


def on_colab() -> bool:
    """Whether this is a Colab runtime, which belongs to the notebook alone."""
    return "google.colab" in sys.modules


def shared_secret(name: str) -> str | None:
    """A secret of the environment, else of Colab's secrets.

    None when there is none, or the person does not share it with this notebook.
    """
    if os.environ.get(name) or not on_colab():
        return os.environ.get(name)
    from google.colab import userdata

    # The last where the runtime is driven from outside of Colab's page.
    refusals = ("SecretNotFoundError", "NotebookAccessError", "TimeoutException")
    try:
        found: str | None = userdata.get(name)
    except tuple(getattr(userdata, refusal) for refusal in refusals if hasattr(userdata, refusal)):
        return None
    return found


def notebook_shell() -> object | None:
    """IPython's shell when this is a notebook's kernel; a terminal has one too, and no place for pictures."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell if hasattr(shell, "kernel") else None
