"""The one error people see: raised on every floor, shown by the API and the command line in one form."""

from collections.abc import Callable, Mapping
from typing import Any, Self

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
}

USAGE_EXIT, DATA_EXIT, ENVIRONMENT_EXIT = 2, 1, 3


class Problem(Exception):
    """Something the person can understand and act on.

    `code` is stable and documented in docs/errors.md; `message` says what is wrong and what to do; `status` is the
    HTTP status; `param` names the offending field; `details` is JSON data a program can use.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        param: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.param = param
        self.details = dict(details or {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The problem that `to_dict` described, to be raised again."""
        rest = {name: data[name] for name in ("status", "param", "details")}
        return cls(data["code"], data["message"], **rest)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON data, `{code, message, status, param, details}`: what a job keeps as its error."""
        return {name: getattr(self, name) for name in ("code", "message", "status", "param", "details")}

    def __reduce__(self) -> tuple[Callable[[Mapping[str, Any]], Self], tuple[dict[str, Any]]]:
        """Raised in another process, it is the same problem here."""
        return type(self).from_dict, (self.to_dict(),)

    @property
    def type(self) -> str:
        """The family of the error, in the words the official SDKs use."""
        return _TYPES.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")

    @property
    def exit_code(self) -> int:
        """The command line's exit status: 1 your data, 2 usage (a named argument), 3 this machine."""
        if self.status >= 500:
            return ENVIRONMENT_EXIT
        return USAGE_EXIT if self.param else DATA_EXIT

    def body(self, request_id: str | None = None) -> dict[str, Any]:
        """The one error body of every route and status."""
        return {
            "detail": self.message,
            "error": {
                "code": self.code,
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "details": self.details,
                "request_id": request_id,
            },
        }
