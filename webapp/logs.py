"""How processes log: a line per event on stderr, JSON unless a person is watching, and no secret in it."""

import logging
import re
import sys
from typing import Any

import structlog

# What opens something here or elsewhere, wherever it turns up: nothing should log these, and nothing does.
_SECRETS = re.compile(
    r"""
      (?P<word>\b(?:bearer|basic)\s+|[?&](?:ticket|token|access_token|apikey)=)[^\s"'&\\]+
    | (?P<user>://[^/\s:@"]*:)[^/\s@"]+(?=@)                      # passwords in addresses
    | \btb_[A-Za-z0-9_-]{16,}                                    # API keys
    | \beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?  # JSON web tokens
    | \b(?:gh[opsur]_|github_pat_|hf_|sk-|sb_secret_)[A-Za-z0-9_-]{16,}  # those of GitHub, the hub, OpenAI, Supabase
    | \b\d{9,11}\.[A-Za-z0-9_-]{40,}                             # signed links, progress tokens
    | (?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])       # 32 random bytes: links to rows, tickets, refreshing
    """,
    re.VERBOSE | re.IGNORECASE,
)


def configure_logs() -> None:
    """Sets structlog up for this process, and libraries' own warnings with it; calling it again changes nothing."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[*_common(), _renderer(), _redacted],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=_current_stderr,
    )
    handler = _CurrentStderr()
    handler.setFormatter(formatter())
    logging.getLogger().addHandler(handler)


def formatter() -> logging.Formatter:
    """Has a handler of the standard library's write lines of the same form."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *_common()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(), _redacted],
    )


def redact(text: str) -> str:
    """The text without what looks like a key or a token; three dots stand for each."""
    return _SECRETS.sub(lambda found: (found["word"] or found["user"] or "") + "...", text)


def _common() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]


def _renderer() -> Any:
    return structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()


def _redacted(_: object, __: str, line: Any) -> str:
    """On the whole line: also in what is nested, and in tracebacks."""
    return redact(str(line))


class _CurrentStderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Writes to what is stderr now."""
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:  # what cannot be logged is no reason to fail
            self.handleError(record)


def _current_stderr(*_: object) -> structlog.PrintLogger:
    return structlog.PrintLogger(sys.stderr)
