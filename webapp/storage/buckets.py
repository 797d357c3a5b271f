"""Supabase Storage as a place for files: private buckets, streamed both ways, each file with its SHA-256."""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from webapp.errors import Problem
from webapp.storage.supabase_client import connect, http_client

if TYPE_CHECKING:
    from httpx import Client as HttpClient
    from httpx import Response
    from storage3._sync.file_api import SyncBucketProxy
    from supabase import Client

# Of what begins with these; everything else is an artifact.
BUCKETS = {"datasets": "datasets", "uploads": "datasets", "notebooks": "notebooks"}
ARTIFACTS = "artifacts"
_CHUNK = 1024 * 1024
# Storage lists and removes at most so many at a time.
_PAGE = 1000
# It answers an upload once the whole file is kept.
_KEPT_SECONDS = 300.0


class Buckets:
    """The objects of one project, named by keys; its bucket follows from the first part of a key.

    Raises Problem `supabase_unavailable` or `storage_refused`. Safe to share between threads.
    """

    def __init__(self, url: str, service_key: str) -> None:
        self._url = url
        self._key = service_key
        self._making = Lock()
        self._made = False

    def upload(self, file: Path, key: str, sha256: str) -> None:
        """Keeps the file as `key` with its SHA-256, in the place of what was there."""
        self._make_buckets()
        metadata = base64.b64encode(json.dumps({"sha256": sha256}).encode()).decode()
        sent = {"x-upsert": "true", "x-metadata": metadata, "Content-Type": "application/octet-stream"}
        headers = {**self._headers, **sent}
        timeout = {**self._http.timeout.as_dict(), "read": _KEPT_SECONDS}
        with self._errors(), file.open("rb") as opened:
            # By hand, as the client's own `upload` makes a form of it.
            _judge(
                self._http.post(self._address(key), content=opened, headers=headers, extensions={"timeout": timeout})
            )

    def download(self, key: str, target: BinaryIO) -> str | None:
        """Writes the object to `target` and answers its SHA-256; None when there is none, and nothing is written."""
        digest = hashlib.sha256()
        with self._errors(), self._http.stream("GET", self._address(key), headers=self._headers) as response:
            if not response.is_success:
                response.read()
                if _is_missing(response):
                    return None
                _judge(response)
            for chunk in response.iter_bytes(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
        return digest.hexdigest()

    def sha256(self, key: str) -> str | None:
        """The SHA-256 that was kept with the object; None when none was, or there is no object."""
        with self._errors(), _missing_is_nothing():
            kept = self._bucket(key).info(key).get("metadata")
            found = kept.get("sha256") if isinstance(kept, dict) else None
            return found if isinstance(found, str) else None
        return None

    def size(self, key: str) -> int | None:
        """The bytes of the object; None when there is none."""
        with self._errors(), _missing_is_nothing():
            return int(self._bucket(key).info(key).get("size") or 0)
        return None

    def below(self, key: str) -> Iterator[tuple[str, int]]:
        """The keys of all objects in the folder `key` and below, with their bytes."""
        offset = 0
        while True:
            listed = []
            with self._errors(), _missing_is_nothing():
                listed = self._bucket(key).list(key, {"limit": _PAGE, "offset": offset})
            for entry in listed:
                name = f"{key}/{entry['name']}"
                if entry["id"] is None:
                    yield from self.below(name)
                else:
                    yield name, int((entry.get("metadata") or {}).get("size", 0))
            # A full page may be the last, and a server may give shorter ones.
            offset += len(listed)
            if not listed:
                return

    def remove(self, keys: Sequence[str]) -> None:
        """Removes objects, all of one bucket; those that are not there are no error."""
        for start in range(0, len(keys), _PAGE):
            with self._errors(), _missing_is_nothing():
                self._bucket(keys[0]).remove(list(keys[start : start + _PAGE]))

    def download_url(self, key: str, seconds: int, filename: str) -> str | None:
        """A link that fetches the object as a file of that name for some seconds; None when there is none."""
        with self._errors(), _missing_is_nothing():
            return str(self._bucket(key).create_signed_url(key, seconds, {"download": filename})["signedUrl"])
        return None

    def upload_url(self, key: str) -> str:
        """A link to which the object can be sent, by PUT, for two hours."""
        from storage3.types import CreateSignedUploadUrlOptions

        self._make_buckets()
        with self._errors():
            link = self._bucket(key).create_signed_upload_url(key, CreateSignedUploadUrlOptions(upsert="true"))
            return str(link["signed_url"])

    def _make_buckets(self) -> None:
        """Once in each process: raises Problem `bucket_public` for one that strangers could read."""
        with self._making:
            if self._made:
                return
            with self._errors():
                known = {bucket.id: bucket.public for bucket in self._client.storage.list_buckets()}
            for name in sorted({*BUCKETS.values(), ARTIFACTS}):
                if known.get(name):
                    text = f"The bucket {name!r} of the Supabase project is public: make it private."
                    raise Problem("bucket_public", text, status=500)
                if name not in known:
                    self._make_bucket(name)
            self._made = True

    def _make_bucket(self, name: str) -> None:
        from storage3.exceptions import StorageApiError

        with self._errors():
            try:
                self._client.storage.create_bucket(name, options={"public": False})
            except StorageApiError as error:
                if str(error.status) != "409":  # another process has just made it
                    raise

    @property
    def _headers(self) -> dict[str, str]:
        return {"apikey": self._key, "Authorization": f"Bearer {self._key}"}

    def _address(self, key: str) -> str:
        return f"{self._url}/storage/v1/object/{bucket_of(key)}/{quote(key)}"

    def _bucket(self, key: str) -> "SyncBucketProxy":
        return self._client.storage.from_(bucket_of(key))

    @cached_property
    def _http(self) -> "HttpClient":
        return http_client()

    @cached_property
    def _client(self) -> "Client":
        return connect(self._url, self._key, self._http)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Errors of the package, of HTTP and of answers that are none as Problem."""
        from httpx import HTTPError
        from storage3.utils import StorageException

        try:
            yield
        except StorageException as error:
            raise _refusal(getattr(error, "status", 400), getattr(error, "message", str(error))) from error
        except (HTTPError, ValueError, KeyError, TypeError) as error:
            raise _away() from error


def bucket_of(key: str) -> str:
    """The bucket that a key belongs to."""
    return BUCKETS.get(key.partition("/")[0], ARTIFACTS)


def _judge(response: "Response") -> None:
    """Raises Problem unless the answer is a good one."""
    if not response.is_success:
        status, message = _said(response)
        raise _refusal(status, message)


def _is_missing(response: "Response") -> bool:
    return _said(response)[0] == "404"


def _said(response: "Response") -> tuple[str, str]:
    """The status and words of a refusal: Storage answers 400 where its body says what is meant."""
    try:
        body = response.json()
        return str(body["statusCode"]), str(body["message"])
    except (ValueError, KeyError, TypeError):
        return str(response.status_code), response.reason_phrase


@contextmanager
def _missing_is_nothing() -> Iterator[None]:
    from storage3.exceptions import StorageApiError

    try:
        yield
    except StorageApiError as error:
        if str(error.status) != "404":
            raise


def _refusal(status: int | str, message: str) -> Problem:
    code = int(status) if str(status).isdigit() else 400
    if code >= 500:
        return _away()
    return Problem("storage_refused", f"Supabase Storage refused it: {message[:200].rstrip('.')}.", status=502)


def _away() -> Problem:
    text = "Supabase Storage does not answer: try again in a minute."
    return Problem("supabase_unavailable", text, status=503)
