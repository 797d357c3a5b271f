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
    return _those(environ, "HF_TOKEN")


def google_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """Where Google's credentials lie, if that is said: what `colab --auth adc` signs in with."""
    return _those(environ, "GOOGLE_APPLICATION_CREDENTIALS")


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a job's own process gets: the scrubbed environment, what opens the store, and what opens hub, Ray and Colab.

    Its kernels get `scrubbed_environment`, and the token of the hub for gated models only.
    """
    own = {name: value for name, value in environ.items() if name.startswith("TUNEBOOK_")}
    if "DATABASE_URL" in environ:
        own["DATABASE_URL"] = environ["DATABASE_URL"]
    own |= _those(environ, "SUPABASE_URL", "SUPABASE_SERVICE_KEY")
    opening = hub_token(environ) | google_credentials(environ) | _those(environ, "RAY_AUTH_TOKEN")
    return scrubbed_environment(environ) | own | opening


def _those(environ: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: environ[name] for name in names if environ.get(name)}
