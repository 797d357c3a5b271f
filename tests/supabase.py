"""A Supabase project on this machine: the Auth and Storage endpoints that the official client calls.

Written after the source of the client, supabase 2.34.1; `supabase_auth_routes` and `supabase_storage_routes` say after
which of its methods. What it does beyond them was never compared with a hosted project.
"""

import secrets
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask import Flask, request
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from werkzeug.serving import WSGIRequestHandler, make_server

from tests import supabase_auth_routes, supabase_storage_routes
from tests.supabase_storage_routes import Kept

PASSWORD = "correct horse"


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:
        """Nothing."""


@dataclass
class Person:
    email: str
    password: str
    confirmed: bool = True
    app_metadata: dict[str, Any] = field(default_factory=dict)
    user_metadata: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def shown(self) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        return {
            "id": self.id,
            "aud": "authenticated",
            "role": "authenticated",
            "email": self.email,
            "email_confirmed_at": now if self.confirmed else None,
            "app_metadata": {"provider": "email", "providers": ["email"], **self.app_metadata},
            "user_metadata": self.user_metadata,
            "identities": [],
            "created_at": now,
            "updated_at": now,
            "is_anonymous": False,
        }


@dataclass
class SigningKey:
    """A private key of the project; `jwk` is what it publishes of it."""

    algorithm: str
    private: Any
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @classmethod
    def made(cls, algorithm: str) -> "SigningKey":
        if algorithm == "ES256":
            return cls(algorithm, ec.generate_private_key(ec.SECP256R1()))
        return cls(algorithm, rsa.generate_private_key(public_exponent=65537, key_size=2048))

    @property
    def jwk(self) -> dict[str, Any]:
        kind = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
        public = kind.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.id, "use": "sig", "alg": self.algorithm, "key_ops": ["verify"]}


class Project:
    """The state of the project, and what a test turns: `away`, `confirm_emails`, `page` (the longest listing)."""

    def __init__(self, folder: Path, *, legacy: bool = False) -> None:
        self.folder = folder
        self.secret = secrets.token_hex(32) if legacy else None
        self.signing = SigningKey.made("ES256")
        self.published = [self.signing]
        self.anon_key, self.service_key = f"sb_publishable_{secrets.token_hex(8)}", f"sb_secret_{secrets.token_hex(8)}"
        self.people: dict[str, Person] = {}
        self.sessions: dict[str, tuple[str, str]] = {}  # refresh token -> email, session
        self.buckets: dict[str, dict[str, Kept]] = {}
        self.public: set[str] = set()
        self.links: dict[str, tuple[str, str, str, float]] = {}  # token -> action, bucket, name, until
        self.asked: list[str] = []
        self.away = False
        self.limited = False
        self.confirm_emails = False
        self.refuse_uploads_after: int | None = None
        self.expires_in = 3600
        self.page = 1000
        self.url = ""

    def rotate(self, algorithm: str = "ES256") -> None:
        """Signs with a new key from now on; the old one stays published."""
        self.signing = SigningKey.made(algorithm)
        self.published.append(self.signing)

    def claims(self, person: Person, session: str = "") -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": f"{self.url}/auth/v1",
            "sub": person.id,
            "aud": "authenticated",
            "exp": now + self.expires_in,
            "iat": now,
            "email": person.email,
            "phone": "",
            "app_metadata": person.shown()["app_metadata"],
            "user_metadata": person.user_metadata,
            "role": "authenticated",
            "aal": "aal1",
            "session_id": session or str(uuid.uuid4()),
            "is_anonymous": False,
        }

    def token(self, claims: dict[str, Any]) -> str:
        """Signed as this project signs."""
        if self.secret:
            return jwt.encode(claims, self.secret, "HS256")
        return jwt.encode(claims, self.signing.private, self.signing.algorithm, headers={"kid": self.signing.id})

    def add_person(self, email: str = "ada@example.org", password: str = PASSWORD, **rest: Any) -> Person:
        self.people[email] = Person(email, password, **rest)
        return self.people[email]

    def objects(self) -> list[str]:
        """Everything in Storage, as bucket/name."""
        return sorted(f"{bucket}/{name}" for bucket, kept in self.buckets.items() for name in kept)

    def content(self, bucket: str, name: str) -> bytes:
        return self.buckets[bucket][name].path.read_bytes()

    def asked_for(self, text: str) -> int:
        return sum(text in asked for asked in self.asked)


@contextmanager
def running(*, legacy: bool = False) -> Iterator[Project]:
    """A project that answers on a free port of this machine."""
    folder = Path(tempfile.mkdtemp(prefix="tunebook-supabase-"))
    project = Project(folder, legacy=legacy)
    server = make_server("127.0.0.1", 0, _app(project), threaded=True, request_handler=Quiet)
    server.daemon_threads = True
    project.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield project
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        shutil.rmtree(folder)


def _app(project: Project) -> Flask:
    app = Flask("supabase")

    @app.before_request
    def note() -> Any:
        project.asked.append(f"{request.method} {request.path}")
        if project.away:
            return {"message": "upstream request timeout"}, 504
        if "/.well-known/" in request.path or "token" in request.args:
            return None
        if request.headers.get("apikey") not in (project.anon_key, project.service_key):
            return {"message": "No API key found in request"}, 401
        return None

    supabase_auth_routes.install(app, project)
    supabase_storage_routes.install(app, project)
    return app
