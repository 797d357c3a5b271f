"""The installation's own secret: made once, kept in TUNEBOOK_HOME, signs links and cookies."""

import os
import secrets
from pathlib import Path

from webapp.storage.files import make_folder, sync_folder, temporary_name
from webapp.storage.problems import file_errors, storage_unavailable

_BYTES = 32


def secret_key(root: Path) -> str:
    """The key of the store at `root`, in hexadecimal: made by the first caller, read by all others."""
    path = root / "secret_key"
    with file_errors():
        make_folder(root)
        if not path.exists():
            _create(path)
        key = path.read_text("ascii").strip()
    if len(key) != 2 * _BYTES:
        raise storage_unavailable(f"{path.name} in TUNEBOOK_HOME is damaged; delete it to have a new one made")
    return key


def _create(path: Path) -> None:
    partial = temporary_name(path)
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            # Unlike a rename, a link never replaces: of two processes at once, one key wins for both.
            os.link(partial, path)
        except FileExistsError:
            return
        sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)
