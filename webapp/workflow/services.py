"""What every step works with: the settings, the database and the files, opened once a process."""

from dataclasses import dataclass
from functools import cached_property

from webapp.settings import Settings
from webapp.storage import Blobs, Database, secret_key


@dataclass(frozen=True)
class Services:
    """The first argument of every function of this package; safe to share between threads."""

    settings: Settings
    db: Database
    blobs: Blobs

    @cached_property
    def secret(self) -> str:
        """The key that signs links."""
        given = self.settings.secret_key
        return given.get_secret_value() if given else secret_key(self.settings.root)


def open_services(settings: Settings) -> Services:
    """The services of this process; the database is used as it is found (`Database.migrate` makes its tables)."""
    return Services(settings, Database(settings.database), Blobs(settings.root / "files"))
