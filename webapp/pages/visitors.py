"""What a visitor uploaded before signing in, kept in mind by the browser."""

from flask import session

from webapp.accounts import VISITORS
from webapp.storage.tables import Dataset

# A cookie holds 4 KiB.
_MOST = 20
_UPLOADED = "uploaded"


def keep_in_mind(dataset: Dataset) -> None:
    """Notes a dataset that nobody owns yet."""
    if dataset.owner == VISITORS:
        session[_UPLOADED] = [*session.get(_UPLOADED, []), dataset.id][-_MOST:]
