"""Who is asking, what is theirs, and what they did."""

from webapp.accounts import audit
from webapp.accounts.authentication import Accounts, Authentication, Confirmation, Credentials, Off, SignedIn
from webapp.accounts.callers import (
    LOCAL,
    NOBODY,
    PERMISSIONS,
    VISITOR,
    VISITORS,
    Caller,
    Permission,
    Tier,
    owned,
    reachable,
)

__all__ = [
    "LOCAL",
    "NOBODY",
    "PERMISSIONS",
    "VISITOR",
    "VISITORS",
    "Accounts",
    "Authentication",
    "Caller",
    "Confirmation",
    "Credentials",
    "Off",
    "Permission",
    "SignedIn",
    "Tier",
    "audit",
    "owned",
    "reachable",
]
