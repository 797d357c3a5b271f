"""Who is asking, and what is theirs."""

from webapp.accounts.callers import LOCAL, Caller, owned

__all__ = ["LOCAL", "Caller", "owned"]
