"""Which environment variables a job's processes may see: none of the app's secrets."""

import re
from collections.abc import Mapping

_SECRET = re.compile(
    r"(^|_)(KEY|TOKEN|CREDENTIALS?|DSN)$|PASSW(OR)?D|SECRET|^SUPABASE_|^(DATABASE|REDIS)_URL$",
    re.IGNORECASE,
)


def scrubbed_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without anything that looks like a secret: for kernels, which run a notebook's code."""
    return {name: value for name, value in environ.items() if not _SECRET.search(name)}


def hub_token(environ: Mapping[str, str]) -> dict[str, str]:
    """The token of the hub as a variable, if there is one: what a kernel needs besides for a gated model."""
    return {name: environ[name] for name in ("HF_TOKEN",) if environ.get(name)}


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a job's own process gets: the scrubbed environment, what opens the store, and the token of the hub.

    Its kernels get `scrubbed_environment`, and that token for gated models only.
    """
    own = {name: value for name, value in environ.items() if name.startswith("TUNEBOOK_")}
    if "DATABASE_URL" in environ:
        own["DATABASE_URL"] = environ["DATABASE_URL"]
    return scrubbed_environment(environ) | own | hub_token(environ)
