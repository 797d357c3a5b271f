"""A person leaves: everything that is theirs is deleted, and their account last.

Jobs are called off before anything goes. Then API keys end, each dataset goes as one that is deleted by itself
(`deleting.py`: in a transaction of its own, rows before files), then uploads under way. Whoever is interrupted, or
refused, in between is still somebody who can sign in, with less than before: to delete the account again goes on where
it stopped. Files whose rows have gone are found by the sweep of the store.
"""

from dataclasses import dataclass

import structlog
from sqlalchemy import select

from webapp.accounts import Caller
from webapp.accounts.keys import end_keys
from webapp.accounts.traces import Traces, traces
from webapp.errors import Problem
from webapp.storage.tables import Dataset, Job, Upload
from webapp.workflow.deleting import DeletedData, call_off, data_of, remove_dataset, remove_uploads, require_rest
from webapp.workflow.services import Services

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AccountBelongings:
    """What is a person's: their `data`, of which so many uploads are `unfinished`, and what is kept of themselves."""

    data: DeletedData
    unfinished: int
    traces: Traces


@dataclass(frozen=True)
class Departure:
    """What went with an account, and whether the sign-in remains, with a project whose service key is not set."""

    deleted: AccountBelongings
    sign_in_remains: bool


def account_belongings(services: Services, person: Caller) -> AccountBelongings:
    """What would go with a person's account."""
    owner = person.id or ""
    datasets, uploads = data_of(services, owner)
    with services.db.reading() as session:
        return AccountBelongings(datasets + uploads, uploads.uploads, traces(session, owner))


def delete_account(services: Services, caller: Caller, confirmation: str) -> Departure:
    """Deletes everything of the caller, and their account; `confirmation` is what `Accounts.confirmed_by` names.

    Raises Problem `no_accounts`, `sign_in_required`, `not_for_keys`, `wrong_credentials`, `too_many_attempts` or
    `not_confirmed` before anything is done, those of `delete_belongings`, and those of `Accounts.remove`.
    """
    accounts = services.accounts
    caller.require_person()
    accounts.confirm(caller, confirmation)
    deleted = delete_belongings(services, caller)
    sign_in_gone = accounts.remove(caller)
    data = deleted.data
    log.info("account_deleted", account=caller.id, datasets=data.datasets, files=data.files, bytes=data.bytes)
    return Departure(deleted, not sign_in_gone)


def delete_belongings(services: Services, person: Caller) -> AccountBelongings:
    """Deletes everything of a person but the account, which has no more keys; waiting and running jobs are called off.

    Raises Problem `job_running` or `job_leaves` (409) before anything is deleted.
    """
    owner = person.id or ""
    theirs = Job.dataset_id.in_(select(Dataset.id).where(Dataset.owner == owner))
    call_off(services, theirs)
    with services.db.session() as session:
        require_rest(session, theirs)
        kept = traces(session, owner)
        end_keys(session, owner)  # no program makes anything new
        roots = list(session.scalars(select(Dataset.id).where(Dataset.owner == owner, Dataset.root_id.is_(None))))
    datasets = sum((_removed(services, person, root_id) for root_id in roots), DeletedData())
    uploads = remove_uploads(services, Upload.owner == owner)
    return AccountBelongings(datasets + uploads, uploads.uploads, kept)


def _removed(services: Services, person: Caller, root_id: str) -> DeletedData:
    try:
        return remove_dataset(services, person, root_id, "deleted")
    except Problem as problem:
        if problem.code != "dataset_not_found":  # it has just been deleted
            raise
        return DeletedData()
