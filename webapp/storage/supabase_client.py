"""A client of the Supabase project: the official one, with our time limits, keeping nothing and refreshing nothing."""

from importlib.util import find_spec
from ipaddress import ip_address
from typing import TYPE_CHECKING

import httpx2

from webapp.errors import Problem
from webapp.settings import Settings

if TYPE_CHECKING:
    from httpx import Client as HttpClient
    from supabase import Client

_CONNECT_SECONDS, _ANSWER_SECONDS = 5.0, 20.0


def project_url(settings: Settings) -> str:
    """SUPABASE_URL without a slash at its end; raises Problem `supabase_not_configured` for what is no safe address."""
    given = settings.supabase_url or ""
    try:
        url = httpx2.URL(given)
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    if not url.host or url.userinfo or url.path != "/" or url.query or not _is_safe(url):
        raise not_configured(
            f"SUPABASE_URL has to be the address of a project, https://....supabase.co; it is {given!r}"
        )
    return given.rstrip("/")


def not_configured(reason: str) -> Problem:
    """What is missing, as a sentence without its full stop."""
    return Problem("supabase_not_configured", f"{reason}.", status=500)


def require_package() -> None:
    """Raises Problem `supabase_not_installed` where the extra is missing; loads nothing, as that takes a second."""
    if find_spec("supabase") is None:
        raise Problem(
            "supabase_not_installed", "Supabase needs more packages: pip install 'tunebook[supabase]'.", status=501
        )


def http_client() -> "HttpClient":
    """What all clients of a process may share, between threads too; it goes where it is told and nowhere else."""
    require_package()
    from httpx import Client, Timeout

    timeout = Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS)
    return Client(timeout=timeout, trust_env=False, follow_redirects=False)


def connect(url: str, key: str, http: "HttpClient") -> "Client":
    """A client that acts with `key` until it signs someone in: one for each sign-in, as it then is theirs."""
    from supabase import ClientOptions, create_client

    return create_client(url, key, ClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http))


def _is_safe(url: httpx2.URL) -> bool:
    """Keys and passwords go there: unencrypted only within this machine."""
    if url.scheme == "https":
        return True
    try:
        return url.scheme == "http" and (url.host == "localhost" or ip_address(url.host).is_loopback)
    except ValueError:
        return False
