"""What a visitor uploaded before signing in: kept in mind by the browser, and theirs once they have signed in."""

from contextlib import suppress

from flask import session

from webapp import workflow
from webapp.accounts import VISITORS, Caller
from webapp.api.context import services
from webapp.errors import Problem
from webapp.storage.tables import Dataset

# A cookie holds 4 KiB.
_MOST = 20
_UPLOADED = "uploaded"


def keep_in_mind(dataset: Dataset) -> None:
    """Notes a dataset that nobody owns yet."""
    if dataset.owner == VISITORS:
        session[_UPLOADED] = [*session.get(_UPLOADED, []), dataset.id][-_MOST:]


def take_along(caller: Caller) -> None:
    """Makes what this browser keeps in mind the caller's; what is gone meanwhile, or somebody else's, is left out."""
    for dataset_id in session.pop(_UPLOADED, []):
        with suppress(Problem):
            workflow.claim_dataset(services(), caller, dataset_id)
