"""Access tokens of a Supabase project: whose they are, and that no forged one is anyone's, in both key modes."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.utils import base64url_encode

from tests.supabase import Person, Project, SigningKey, running
from webapp.accounts import signing_keys
from webapp.accounts.supabase_tokens import SupabaseTokens, supabase_tokens
from webapp.errors import Problem
from webapp.settings import Settings


@pytest.fixture(scope="module")
def projects() -> Iterator[dict[str, Project]]:
    with running() as published, running(legacy=True) as legacy:
        yield {"jwks": published, "hs256": legacy}


@pytest.fixture(params=["jwks", "hs256"])
def project(request: pytest.FixtureRequest, projects: dict[str, Project]) -> Project:
    return projects[request.param]


@pytest.fixture
def published() -> Iterator[Project]:
    """One of the test's own: what it publishes changes."""
    with running() as project:
        yield project


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass."""
    passed = [0.0]
    monkeypatch.setattr(signing_keys, "monotonic", lambda: time.monotonic() + passed[0])

    def pass_(seconds: float) -> None:
        passed[0] += seconds

    return pass_


def tokens(project: Project) -> SupabaseTokens:
    return SupabaseTokens(project.url, project.secret)


def public_pem(key: SigningKey) -> bytes:
    return key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def hs256_by_hand(project: Project, claims: dict[str, Any]) -> str:
    """Signed with the public key as if it were a secret; PyJWT itself refuses to do so."""
    import hashlib
    import hmac
    import json

    head = base64url_encode(json.dumps({"alg": "HS256", "typ": "JWT", "kid": project.signing.id}).encode())
    said = head + b"." + base64url_encode(json.dumps(claims).encode())
    mark = hmac.new(public_pem(project.signing), said, hashlib.sha256).digest()
    return (said + b"." + base64url_encode(mark)).decode()


def changed(**changes: Any) -> Callable[[Project, dict[str, Any]], str]:
    """Signed as the project signs, with other claims; None leaves one out."""

    def forge(project: Project, claims: dict[str, Any]) -> str:
        merged = {**claims, **changes}
        return project.token({name: value for name, value in merged.items() if value is not None})

    return forge


def signed_by_another(project: Project, claims: dict[str, Any]) -> str:
    if project.secret:
        return jwt.encode(claims, "x" * 64, "HS256")
    return jwt.encode(claims, SigningKey.made("ES256").private, "ES256", headers={"kid": project.signing.id})


def in_the_other_mode(project: Project, claims: dict[str, Any]) -> str:
    if project.secret:
        return jwt.encode(claims, project.signing.private, "ES256", headers={"kid": project.signing.id})
    return jwt.encode(claims, "y" * 64, "HS256", headers={"kid": project.signing.id})


def with_other_claims_under_its_signature(project: Project, claims: dict[str, Any]) -> str:
    import json

    head, _, mark = project.token(claims).split(".")
    other = base64url_encode(json.dumps({**claims, "app_metadata": {"tier": "pro"}}).encode()).decode()
    return f"{head}.{other}.{mark}"


FORGED = {
    "HS256 with the public key": hs256_by_hand,
    "no algorithm": lambda project, claims: jwt.encode(claims, None, "none", headers={"kid": project.signing.id}),
    "another audience": changed(aud="anon"),
    "another issuer": changed(iss="https://evil.supabase.co/auth/v1"),
    "an issuer that begins alike": lambda project, claims: changed(iss=f"{project.url}/auth/v1/x")(project, claims),
    "not before tomorrow": changed(nbf=time.time() + 86400),
    "issued tomorrow": changed(iat=time.time() + 86400),
    "no expiry": changed(exp=None),
    "no subject": changed(sub=None),
    "no audience": changed(aud=None),
    "no issuer": changed(iss=None),
    "a subject that is no person's": changed(sub="anonymous"),
    "an empty subject": changed(sub=""),
    "a number as its subject": changed(sub=7),
    "the project's service role": changed(role="service_role"),
    "the project's anonymous role": changed(role="anon"),
    "an endless expiry": changed(exp=float("inf")),
    "another key of the same id": signed_by_another,
    "the other mode's key": in_the_other_mode,
    "other claims under its signature": with_other_claims_under_its_signature,
    "no token": lambda *_: "x.y.z",
    "one part": lambda *_: "x",
    "a lone surrogate": lambda *_: "\udc80.x.y",
    "nothing": lambda *_: "",
    "a list as its header": lambda *_: f"{base64url_encode(b'[]').decode()}.e30.e30",
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_nobodys(project, forge):
    person = Person("ada@example.org", "")
    with pytest.raises(Problem) as refused:
        tokens(project).caller(forge(project, project.claims(person)))
    assert (refused.value.code, refused.value.status) == ("invalid_token", 401)


def test_an_expired_token_says_so(project):
    claims = project.claims(Person("ada@example.org", "")) | {"exp": time.time() - 60}
    with pytest.raises(Problem) as refused:
        tokens(project).caller(project.token(claims))
    assert (refused.value.code, refused.value.status) == ("token_expired", 401)


def test_clocks_may_differ_by_a_few_seconds(project):
    now = time.time()
    claims = project.claims(Person("ada@example.org", "")) | {"exp": now - 5, "nbf": now + 5, "iat": now + 5}
    assert tokens(project).caller(project.token(claims)).signed_in


def test_a_token_is_its_subjects(project):
    person = Person("ada@example.org", "")
    caller = tokens(project).caller(project.token(project.claims(person)))
    assert (caller.id, caller.name, caller.tier, caller.local) == (person.id, "ada@example.org", "free", False)


def test_only_what_the_owner_of_the_project_wrote_makes_a_tier(project):
    paid = Person("ada@example.org", "", app_metadata={"tier": "pro"})
    claimed = Person("eve@example.org", "", user_metadata={"tier": "pro"})
    tiers = [tokens(project).caller(project.token(project.claims(person))).tier for person in (paid, claimed)]
    assert tiers == ["pro", "free"]


@pytest.mark.parametrize("kept", [{"tier": "admin"}, {"tier": ["pro"]}, [], "pro"])
def test_an_unknown_tier_is_the_free_one(project, kept):
    claims = project.claims(Person("ada@example.org", "")) | {"app_metadata": kept}
    assert tokens(project).caller(project.token(claims)).tier == "free"


def test_the_legacy_secret_asks_nothing_of_the_project(projects):
    project = projects["hs256"]
    tokens(project).caller(project.token(project.claims(Person("ada@example.org", ""))))
    assert project.asked_for("jwks") == 0


def test_a_short_secret_is_refused_at_the_start():
    settings = Settings(supabase_url="https://x.supabase.co", supabase_jwt_secret="short")
    with pytest.raises(Problem, match="too short"):
        supabase_tokens(settings)


class TestPublishedKeys:
    def test_they_are_fetched_once(self, published):
        verifier, person = tokens(published), Person("ada@example.org", "")
        for _ in range(5):
            verifier.caller(published.token(published.claims(person)))
        assert published.asked_for("jwks") == 1

    @pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
    def test_a_new_key_is_found_when_a_token_names_it(self, published, clock, algorithm):
        verifier, person = tokens(published), Person("ada@example.org", "")
        verifier.caller(published.token(published.claims(person)))
        published.rotate(algorithm)
        clock(signing_keys.PAUSE_SECONDS)
        assert verifier.caller(published.token(published.claims(person))).id == person.id

    def test_an_unknown_key_is_nobodys(self, published):
        published.signing = SigningKey.made("ES256")
        with pytest.raises(Problem) as refused:
            tokens(published).caller(published.token(published.claims(Person("a@b.c", ""))))
        assert refused.value.code == "invalid_token"

    def test_strangers_who_name_unknown_keys_make_nobody_ask_again_and_again(self, published):
        verifier = tokens(published)
        for _ in range(20):
            published.signing = SigningKey.made("ES256")
            with pytest.raises(Problem, match="not valid"):
                verifier.caller(published.token(published.claims(Person("a@b.c", ""))))
        assert published.asked_for("jwks") == 1

    def test_a_withdrawn_key_is_refused_once_the_keys_are_fetched_again(self, published, clock):
        verifier, token = tokens(published), published.token(published.claims(Person("a@b.c", "")))
        verifier.caller(token)
        published.published.clear()
        clock(signing_keys.FRESH_SECONDS)
        with pytest.raises(Problem) as refused:
            verifier.caller(token)
        assert refused.value.code == "invalid_token"

    def test_known_keys_serve_for_a_while_when_the_project_is_away(self, published, clock):
        verifier, person = tokens(published), Person("a@b.c", "")
        token = published.token(published.claims(person))
        verifier.caller(token)
        published.away = True
        clock(signing_keys.FRESH_SECONDS)
        assert verifier.caller(token).id == person.id
        clock(signing_keys.STALE_SECONDS)
        with pytest.raises(Problem) as refused:
            verifier.caller(token)
        assert (refused.value.code, refused.value.status) == ("supabase_unavailable", 503)

    def test_a_project_that_was_away_is_asked_again(self, published, clock):
        verifier, person = tokens(published), Person("a@b.c", "")
        published.away = True
        for _ in range(3):
            with pytest.raises(Problem, match="does not answer"):
                verifier.caller(published.token(published.claims(person)))
        assert published.asked_for("jwks") == 1
        published.away = False
        clock(signing_keys.RETRY_SECONDS)
        assert verifier.caller(published.token(published.claims(person))).id == person.id

    @pytest.mark.parametrize(
        "published_as",
        [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}, {"use": "enc"}, {"alg": "HS256"}],
        ids=["a secret", "for encryption", "of another algorithm"],
    )
    def test_what_is_no_public_key_for_signatures_signs_nothing(self, published, published_as, monkeypatch):
        odd = {**published.signing.jwk, **published_as}
        monkeypatch.setattr(SigningKey, "jwk", odd)
        token = published.token(published.claims(Person("a@b.c", "")))
        secret = b"secret-secret-secret-secret-secret"
        forged = jwt.encode(
            published.claims(Person("a@b.c", "")), secret, "HS256", headers={"kid": published.signing.id}
        )
        for shown in (token, forged):
            with pytest.raises(Problem) as refused:
                tokens(published).caller(shown)
            assert refused.value.code == "invalid_token"
