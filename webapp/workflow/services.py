"""What every step works with: settings, database, files, and what feeds the streams; opened once a process."""

from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec

from webapp.accounts import Accounts, Authentication, Off
from webapp.errors import Problem
from webapp.jobs import Tailer
from webapp.settings import Settings
from webapp.storage import Blobs, Database, secret_key


@dataclass(frozen=True)
class Services:
    """The first argument of every function of this package; safe to share between threads."""

    settings: Settings
    db: Database
    blobs: Blobs
    tailer: Tailer

    @cached_property
    def secret(self) -> str:
        """The key that signs links, cookies and access tokens."""
        given = self.settings.secret_key
        return given.get_secret_value() if given else secret_key(self.settings.root)

    @cached_property
    def authentication(self) -> Authentication:
        """The one that says who is asking, as TUNEBOOK_AUTH has it."""
        return Off() if self.settings.auth == "off" else self.accounts

    @cached_property
    def accounts(self) -> Accounts:
        """Where people sign in; raises Problem `no_accounts` (404) where nobody does."""
        if self.settings.auth == "off":
            raise Problem("no_accounts", "There are no accounts here (TUNEBOOK_AUTH=off): nobody signs in.", status=404)
        # Imported here: most processes ask nobody to sign in.
        if self.settings.auth == "supabase":
            from webapp.accounts.supabase import SupabaseAccounts

            return SupabaseAccounts(self.settings, self.db)
        from webapp.accounts.local import LocalAccounts
        from webapp.accounts.throttle import Throttle
        from webapp.accounts.tokens import AccessTokens

        throttle = Throttle(self.settings.counters)
        return LocalAccounts(self.db, AccessTokens(self.secret), throttle, self.settings.registration == "open")


def open_services(settings: Settings) -> Services:
    """The services of this process; the database is used as it is found (`Database.migrate` makes its tables).

    Raises Problem `redis_not_installed` (501), and those of `Database`.
    """
    if settings.redis_url is not None and find_spec("redis") is None:
        raise Problem(
            "redis_not_installed",
            "REDIS_URL needs the redis client: pip install 'tunebook[redis]', or unset it.",
            status=501,
        )
    db = Database(settings.database)
    return Services(settings, db, open_blobs(settings), Tailer(db, settings.stream_places))


def open_blobs(settings: Settings) -> Blobs:
    """Where files are kept: with SUPABASE_SERVICE_KEY in the project's Storage too.

    Raises Problem `supabase_not_configured` or `supabase_not_installed`.
    """
    folder, key = settings.root / "files", settings.supabase_service_key
    if key is None:
        return Blobs(folder)
    from webapp.storage.buckets import Buckets
    from webapp.storage.supabase_blobs import SupabaseBlobs
    from webapp.storage.supabase_client import project_url, require_package

    require_package()
    return SupabaseBlobs(folder, Buckets(project_url(settings), key.get_secret_value()))
