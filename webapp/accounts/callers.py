"""The one answer to "whose is this?" for every table, and to what whoever asks may do."""

from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from sqlalchemy import Select, false

from webapp.errors import Problem
from webapp.storage.tables import DataLink, Dataset, Job, Notebook, Upload

Permission = Literal["read", "write", "delete", "train", "admin"]
Tier = Literal["free", "pro"]
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
Owned = type[Dataset | Upload | Notebook | DataLink | Job]
Statement = TypeVar("Statement", bound=Select[*tuple[Any, ...]])

# Owns what comes in without a sign-in where that is allowed; such rows are found by their unguessable ids alone.
VISITORS = "anonymous"


@dataclass(frozen=True)
class Caller:
    """Who asks: `id` is the `owner` of what they make; a `local` caller owns the whole installation.

    `permissions` are what they may do with what is theirs: `read` it, `write` more, `delete`, `train` (runs with the
    real model), and `admin` their own keys. `name` is for people to read, `email` is there where it is known, and
    `address` is where the request comes from. `by_key` says that a program of theirs asks, with an API key.
    """

    id: str | None
    local: bool = False
    permissions: frozenset[str] = frozenset(PERMISSIONS)
    tier: Tier = "free"
    name: str = ""
    email: str = ""
    address: str = ""
    by_key: bool = False

    @property
    def signed_in(self) -> bool:
        """Whether this is a known person, or a program of theirs."""
        return self.local or self.id not in (None, VISITORS)

    def require_sign_in(self) -> None:
        """Raises Problem `sign_in_required` (401) unless this is a known person."""
        if not self.signed_in:
            raise Problem("sign_in_required", "Sign in first, or send an API key.", status=401)

    def require_person(self) -> None:
        """Raises Problem `sign_in_required` (401) or, for a program whatever its key may do, `not_for_keys` (403)."""
        self.require_sign_in()
        if self.by_key:
            raise Problem("not_for_keys", "No API key may do this: sign in yourself.", status=403)

    def require(self, permission: Permission) -> None:
        """Raises Problem `sign_in_required` (401) or `permission_missing` (403) unless they may."""
        if permission in self.permissions:
            return
        self.require_sign_in()
        raise Problem(
            "permission_missing",
            f"This API key does not have the permission {permission!r}; make one that has it.",
            status=403,
            details={"permission": permission},
        )


# The one person there is when TUNEBOOK_AUTH is off.
LOCAL = Caller(id=None, local=True)
# Someone unknown: where everyone has to sign in, and where data can be tried without.
NOBODY = Caller(id=None, permissions=frozenset())
VISITOR = Caller(id=VISITORS, permissions=frozenset({"read", "write", "delete"}))


def owned(statement: Statement, table: Owned, caller: Caller) -> Statement:
    """`statement`, which selects from `table`, narrowed to the rows that belong to `caller`: for lists."""
    if caller.local:
        return statement
    # Comparing with None would find the rows that have no owner: nobody's are not everybody's, and neither is what
    # visitors own together.
    return statement.where(table.owner == caller.id if caller.signed_in else false())


def reachable(statement: Statement, table: Owned, caller: Caller) -> Statement:
    """`statement`, which looks for rows of `table` by id, narrowed to what `caller` owns or may reach by knowing an id.

    That is what visitors uploaded: their ids are all they have.
    """
    if caller.local:
        return statement
    if caller.id is None:
        return statement.where(false())
    return statement.where(table.owner.in_({caller.id, VISITORS}))
