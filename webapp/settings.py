"""Every environment variable Tunebook reads, typed, with its default and one line of help."""

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from webapp.errors import Problem

MIB = 1024 * 1024


class Settings(BaseSettings):
    """The settings of one process; read once, at its start. Raises Problem `invalid_environment`."""

    model_config = SettingsConfigDict(env_prefix="TUNEBOOK_", frozen=True, populate_by_name=True, extra="ignore")

    home: Annotated[Path, Field(description="Folder that holds the database and all files.")] = Path("~/.tunebook")
    auth: Annotated[
        Literal["off", "local", "supabase"],
        Field(
            description="Who may use the app. `off`: one local person, no sign-in; `local`: accounts kept here; "
            "`supabase`: those of a Supabase project."
        ),
    ] = "off"
    allow_open: Annotated[
        bool,
        Field(description="Lets `off` listen on an address that others reach: all of them may then do everything."),
    ] = False
    registration: Annotated[
        Literal["open", "closed"],
        Field(description="Who may make a `local` account: everyone who reaches the app, or only its command line."),
    ] = "open"
    public_url: Annotated[
        str | None, Field(description="Address under which other machines reach the app, if any.")
    ] = None
    database_url: Annotated[
        str | None,
        Field(
            validation_alias="DATABASE_URL",
            description="Address of the database, postgresql://...; by default an SQLite file in TUNEBOOK_HOME.",
        ),
    ] = None
    supabase_url: Annotated[
        str | None, Field(validation_alias="SUPABASE_URL", description="The Supabase project, https://....supabase.co.")
    ] = None
    supabase_key: Annotated[
        SecretStr | None,
        Field(validation_alias="SUPABASE_KEY", description="Its publishable (anon) key, with which people sign in."),
    ] = None
    supabase_service_key: Annotated[
        SecretStr | None,
        Field(
            validation_alias="SUPABASE_SERVICE_KEY",
            description="Its secret (service) key; with it all files are kept in its Storage, and who deletes their "
            "account is deleted there too.",
        ),
    ] = None
    supabase_jwt_secret: Annotated[
        SecretStr | None,
        Field(
            validation_alias="SUPABASE_JWT_SECRET",
            description="Its legacy JWT secret. Set: tokens are checked by HS256 only; unset: by its JWKS only.",
        ),
    ] = None
    redis_url: Annotated[
        SecretStr | None,
        Field(validation_alias="REDIS_URL", description="Counts requests for several web processes, redis://..."),
    ] = None
    secret_key: Annotated[
        SecretStr | None,
        Field(description="Signs links, cookies and access tokens; made once and kept in TUNEBOOK_HOME when unset."),
    ] = None
    max_upload_bytes: Annotated[int, Field(gt=0, description="Largest dataset file that is accepted.")] = 1024 * MIB
    max_stored_bytes: Annotated[
        int, Field(gt=0, description="Bytes of datasets that each person may keep; no limit in `off`.")
    ] = 20 * 1024 * MIB
    max_jobs: Annotated[
        int, Field(ge=1, description="Jobs that each person may have waiting or running; no limit in `off`.")
    ] = 8
    rate_free: Annotated[
        int, Field(ge=1, description="Requests a minute of a person of the tier `free`, and of an address.")
    ] = 60
    rate_pro: Annotated[int, Field(ge=1, description="Requests a minute of a person of the tier `pro`.")] = 600
    retention_days: Annotated[
        float, Field(gt=0, description="Days after which what was uploaded without signing in is deleted.")
    ] = 7.0
    cors_origins: Annotated[
        str, Field(description="Websites whose scripts may call the API, as `https://a.example,https://b.example`.")
    ] = ""
    trusted_hosts: Annotated[
        str,
        Field(description="Further names the app is asked by, as `tunebook.lan,tunebook`; others are refused."),
    ] = ""
    trusted_proxies: Annotated[
        int, Field(ge=0, description="Proxies in front of the app, whose `X-Forwarded-` headers are believed.")
    ] = 0
    metrics_token: Annotated[
        SecretStr | None,
        Field(description="Opens `/metrics` as a bearer token; unset: open in `off`, closed in the other modes."),
    ] = None
    job_concurrency: Annotated[
        int | None,
        Field(ge=1, description="Jobs a supervisor runs side by side; by default as many as there is room for."),
    ] = None
    job_memory: Annotated[
        int | None,
        Field(gt=0, description="Bytes of main memory a job may hold; by default nine tenths of the machine's."),
    ] = None
    job_disk: Annotated[
        int | None, Field(gt=0, description="Bytes the files of a run may take; by default as many as there is room.")
    ] = None
    job_timeout: Annotated[
        float, Field(gt=0, description="Seconds after which a dry run is stopped and reported as timed out.")
    ] = 900.0
    run_timeout: Annotated[
        float,
        Field(gt=0, description="Seconds after which a run with the real model is stopped and reported as timed out."),
    ] = 24 * 3600.0
    link_seconds: Annotated[
        int, Field(gt=0, description="Seconds a link to a notebook or to its rows stays valid.")
    ] = 3 * 24 * 3600
    threads: Annotated[int, Field(ge=8, description="Threads of each gunicorn worker.")] = 256
    max_streams: Annotated[
        int,
        Field(ge=1, description="Streams of jobs that each gunicorn worker keeps open, in at most 4/5 of its threads."),
    ] = 200

    hf_endpoint: Annotated[
        str,
        Field(
            validation_alias="HF_ENDPOINT", description="The hub that tokenizers and configurations are fetched from."
        ),
    ] = "https://huggingface.co"
    hf_token: Annotated[
        SecretStr | None,
        Field(validation_alias="HF_TOKEN", description="Sent to that hub, and nowhere else, for gated models."),
    ] = None
    hf_hub_cache: Annotated[
        Path | None,
        Field(validation_alias="HF_HUB_CACHE", description="The hub cache; by default `hub` in `HF_HOME`."),
    ] = None

    colab_command: Annotated[
        str,
        Field(description="Google's command line for Colab, with options of its own, e.g. `colab --auth adc`."),
    ] = "colab"
    ray_address: Annotated[
        str | None,
        Field(
            description="The Ray cluster that runs notebooks: its dashboard, e.g. `http://head:8265`.",
        ),
    ] = None

    github_api_url: Annotated[
        str, Field(validation_alias="GITHUB_API_URL", description="The GitHub that keeps gists for Colab.")
    ] = "https://api.github.com"
    github_token: Annotated[
        SecretStr | None,
        Field(validation_alias="GITHUB_TOKEN", description="Sent to that GitHub only, to make secret gists."),
    ] = None

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            # Not the value: it may be a secret.
            said = "; ".join(f"{_variable(str(item['loc'][0]))}: {item['msg']}" for item in error.errors())
            raise Problem("invalid_environment", f"{said}. See docs/settings.md.", status=500) from None

    @property
    def root(self) -> Path:
        """TUNEBOOK_HOME as an absolute path."""
        return self.home.expanduser().absolute()

    @field_validator("cors_origins")
    @classmethod
    def _names_websites(cls, value: str) -> str:
        for origin in _listed(value):
            place = urlsplit(origin)
            if (
                place.scheme not in ("http", "https")
                or not place.netloc
                or place.path not in ("", "/")
                or "*" in origin
            ):
                raise ValueError(f"{origin!r} is no website; name each one like https://a.example")
        return value

    @property
    def origins(self) -> frozenset[str]:
        """The websites of TUNEBOOK_CORS_ORIGINS, as browsers name them."""
        return frozenset(origin.rstrip("/").lower() for origin in _listed(self.cors_origins))

    @property
    def hosts(self) -> frozenset[str]:
        """The names the app is asked by besides loopback: TUNEBOOK_TRUSTED_HOSTS, and that of TUNEBOOK_PUBLIC_URL."""
        places = [urlsplit(self.public_url or ""), *(urlsplit(f"//{name}") for name in _listed(self.trusted_hosts))]
        return frozenset(place.hostname for place in places if place.hostname)

    @property
    def counters(self) -> str:
        """Where requests and attempts are counted, as the library `limits` names it."""
        return self.redis_url.get_secret_value() if self.redis_url else "memory://"

    @property
    def stream_places(self) -> int:
        """Streams that a process keeps open: each holds a thread, and requests are to be answered meanwhile."""
        return min(self.max_streams, self.threads - self.threads // 5)

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in use."""
        return self.database_url or f"sqlite:///{self.root / 'tunebook.db'}"


def _variable(name: str) -> str:
    """The environment variable of a field, which an error names by its alias where it has one."""
    return f"TUNEBOOK_{name.upper()}" if name in Settings.model_fields else name


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
