"""What a run goes by elsewhere: written down before it is there, so that whoever comes after a crash can end it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from webapp.storage.files import write_file


def _nowhere(_: str | None) -> None:
    """For runs that stay on this machine."""


@dataclass(frozen=True)
class Remote:
    """The `name` for what this run makes elsewhere, and the one that an `earlier` attempt left behind, if any.

    `note` keeps a name for whoever comes after, or, with None, says that nothing is left; it raises when the run is no
    longer this process's, and then nothing may be made.
    """

    name: str = "tunebook"
    earlier: str | None = None
    note: Callable[[str | None], None] = _nowhere


def remote_of(file: Path, name: str) -> Remote:
    """The same where there is no database: the name is kept in `file`."""

    def note(kept: str | None) -> None:
        if kept is None:
            file.unlink(missing_ok=True)
        else:
            write_file(file, kept.encode())

    return Remote(name, file.read_text(encoding="utf-8") if file.exists() else None, note)
