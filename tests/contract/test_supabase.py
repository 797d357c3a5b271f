"""What is relied on of a Supabase project: of the stand-in always, of a hosted one where one is named.

`SUPABASE_TEST_URL`, `SUPABASE_TEST_KEY` and `SUPABASE_TEST_SERVICE_KEY` name it, and `SUPABASE_TEST_JWT_SECRET` if it
still signs by its legacy secret. They are not the app's own variables, with which every other test would work there.
What is made there is removed again.
"""

import hashlib
import os
import secrets
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.supabase import running
from webapp.accounts import Credentials
from webapp.accounts.supabase import SupabaseAccounts
from webapp.errors import Problem
from webapp.settings import Settings
from webapp.storage import Database
from webapp.storage.buckets import Buckets
from webapp.storage.supabase_blobs import SupabaseBlobs
from webapp.storage.supabase_client import connect, http_client

NAMES = ("SUPABASE_TEST_URL", "SUPABASE_TEST_KEY", "SUPABASE_TEST_SERVICE_KEY")
ADDRESS = "192.0.2.7"


@dataclass
class Target:
    url: str
    key: str
    service_key: str
    jwt_secret: str | None = None


@dataclass
class Member:
    id: str
    email: str
    password: str


@pytest.fixture(scope="module", params=["stand-in", "stand-in, legacy secret", "hosted"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    if request.param == "hosted":
        if not all(os.environ.get(name) for name in NAMES):
            pytest.skip(f"no hosted project: set {', '.join(NAMES)}")
        yield Target(*(os.environ[name] for name in NAMES), os.environ.get("SUPABASE_TEST_JWT_SECRET"))
        return
    with running(legacy="legacy" in request.param) as project:
        yield Target(project.url, project.anon_key, project.service_key, project.secret)


@pytest.fixture(scope="module")
def member(target: Target) -> Iterator[Member]:
    """Somebody new, whose address counts as confirmed."""
    email, password = f"tunebook-{uuid.uuid4()}@example.com", secrets.token_urlsafe(16)
    admin = connect(target.url, target.service_key, http_client()).auth.admin
    made = admin.create_user({"email": email, "password": password, "email_confirm": True}).user
    yield Member(made.id, email, password)
    admin.delete_user(made.id)


@pytest.fixture
def accounts(target: Target, migrated_file: Path, tmp_path: Path) -> Iterator[SupabaseAccounts]:
    shutil.copy(migrated_file, tmp_path / "tunebook.db")
    db = Database(f"sqlite:///{tmp_path / 'tunebook.db'}")
    settings = Settings(
        supabase_url=target.url,
        supabase_key=target.key,
        supabase_jwt_secret=target.jwt_secret,
    )
    yield SupabaseAccounts(settings, db)
    db.close()


@pytest.fixture
def blobs(target: Target, tmp_path) -> SupabaseBlobs:
    return SupabaseBlobs(tmp_path / "here", Buckets(target.url, target.service_key))


@pytest.fixture
def elsewhere(target: Target, tmp_path) -> SupabaseBlobs:
    return SupabaseBlobs(tmp_path / "elsewhere", Buckets(target.url, target.service_key))


@pytest.fixture
def folder(blobs: SupabaseBlobs) -> Iterator[str]:
    """A folder of the store that is removed afterwards."""
    key = f"datasets/{uuid.uuid4()}"
    yield key
    blobs.delete(key)


def refused(ask, *arguments) -> tuple[str, int]:
    with pytest.raises(Problem) as problem:
        ask(*arguments)
    return problem.value.code, problem.value.status


def test_a_token_of_the_project_is_its_members(accounts, member):
    signed_in = accounts.sign_in(member.email, member.password, ADDRESS)
    assert (signed_in.caller.id, signed_in.caller.email) == (member.id, member.email)
    assert accounts.caller(Credentials(bearer=signed_in.access_token)).id == member.id


def test_the_keys_of_the_project_are_nobodys_token(accounts, target):
    for key in (target.key, target.service_key):
        assert refused(accounts.caller, Credentials(bearer=key)) == ("invalid_token", 401)


def test_a_changed_token_is_nobodys(accounts, member):
    head, claims, mark = accounts.sign_in(member.email, member.password, ADDRESS).access_token.split(".")
    changed = f"{head}.{claims}.{mark[:10]}{'A' if mark[10] != 'A' else 'B'}{mark[11:]}"
    assert refused(accounts.caller, Credentials(bearer=changed)) == ("invalid_token", 401)


def test_a_wrong_password_is_refused(accounts, member):
    assert refused(accounts.sign_in, member.email, "wrong", ADDRESS) == ("wrong_credentials", 401)


def test_a_sign_in_goes_on_until_it_is_signed_out(accounts, member):
    first = accounts.sign_in(member.email, member.password, ADDRESS)
    second = accounts.refresh(first.refresh_token, ADDRESS)
    assert second.caller.id == member.id
    accounts.sign_out(Credentials(bearer=second.access_token))
    assert refused(accounts.refresh, second.refresh_token, ADDRESS) == ("invalid_refresh_token", 401)


def test_a_file_goes_there_and_comes_back(blobs, elsewhere, folder):
    stored = blobs.add(folder, [b"two ", b"parts"], ".txt")
    assert elsewhere.exists(stored.key)
    assert elsewhere.path(stored.key).read_bytes() == b"two parts"


def test_its_sum_is_kept_with_it(blobs, target, folder):
    with blobs.new_file(f"{folder}/rows.jsonl") as file:
        file.write(b"text")
    kept = Buckets(target.url, target.service_key).sha256(f"{folder}/rows.jsonl")
    assert kept == hashlib.sha256(b"text").hexdigest()


def test_a_file_is_replaced(blobs, elsewhere, folder):
    for text in (b"old", b"new, longer"):
        with blobs.new_file(f"{folder}/rows.jsonl") as file:
            file.write(text)
    assert elsewhere.path(f"{folder}/rows.jsonl").read_bytes() == b"new, longer"


def test_a_folder_is_listed_with_its_sizes(blobs, elsewhere, folder):
    with blobs.new_folder(f"{folder}/examples") as made:
        (made / "deep").mkdir()
        (made / "a").write_bytes(b"1")
        (made / "deep" / "b").write_bytes(b"22")
    assert elsewhere.files(f"{folder}/examples") == {"a": 1, "deep/b": 2}


def test_a_run_may_name_its_files_as_it_likes(blobs, elsewhere):
    run, name = f"runs/{uuid.uuid4()}", "tunebook-run/Üben & \U0001f3b5 =%20.txt"
    place = blobs.folder(run) / name
    place.parent.mkdir()
    place.write_text("x")
    try:
        blobs.settle(run, [name])
        assert (elsewhere.path(run) / name).read_text() == "x"
    finally:
        blobs.delete(run)


def test_links_send_and_fetch(blobs, folder):
    key = f"{folder}/rows.jsonl"
    sent = requests.put(blobs.upload_url(key), data=b"sent", headers={"Content-Type": "text/plain"}, timeout=30)
    assert sent.status_code == 200, sent.text
    got = requests.get(blobs.download_url(key, 60, "My rows.jsonl"), timeout=30)
    assert (got.status_code, got.content) == (200, b"sent")
    assert "attachment" in got.headers["Content-Disposition"]


def test_nothing_is_there_without_the_service_key(blobs, target, folder):
    stored = blobs.add(folder, [b"x"])
    address = f"{target.url}/storage/v1/object/datasets/{stored.key}"
    headers = {"apikey": target.key, "Authorization": f"Bearer {target.key}"}
    assert requests.get(address, headers=headers, timeout=30).status_code >= 400
    assert refused(Buckets(target.url, target.key).upload, blobs.path(stored.key), stored.key, "0" * 64)[0] in (
        "storage_refused",
        "bucket_public",
    )


def test_what_is_deleted_is_gone(blobs, elsewhere, folder):
    stored = blobs.add(folder, [b"x"])
    blobs.delete(folder)
    assert not elsewhere.exists(stored.key)
    assert elsewhere.files(folder) == {}
