"""The conversations: fetched or at hand, opened, verified, and split without a duplicate on both sides."""

import base64
import gzip
import hashlib
import http.client
import io
import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Hashable, Sequence
from getpass import getpass
from pathlib import Path
from typing import Any

from webapp.training.runtime import on_colab

Conversation = dict[str, Any]

MAX_HELD_OUT = 500  # more would make evaluation slow and its figure hardly steadier
FETCH_ATTEMPTS = 6
FETCH_TIMEOUT = 60.0  # seconds without a byte
NONCE_BYTES = 12


def read_data_file(data_file: str, name: str, url: str | None, size: int, sha256: str) -> bytes:
    """The file of the rows: `data_file` when given, else `name` in this folder, else from `url`, else uploaded by hand.

    What is fetched is kept as `name`, so that a second run needs no network. ValueError when a file has not `size`
    bytes with the digest `sha256`; FileNotFoundError says what to do when there is no way to the file.
    """
    path = Path(data_file or name)
    if not data_file and not _is_file(path, size, sha256):
        reason = f"{name} in this folder is another file" if path.exists() else "this notebook has no link to them"
        try:
            if url:
                fetch_file(url, path, size, sha256)
                reason = ""
        except (PermissionError, ConnectionError) as error:
            reason = str(error)
        if reason:
            _upload_by_hand(path, reason)
    if not _is_file(path, size, sha256):
        raise ValueError(
            f"{path} is another file: found {path.stat().st_size:,} bytes, expected {size:,} with SHA-256 {sha256}"
        )
    return path.read_bytes()


def _is_file(path: Path, size: int, sha256: str) -> bool:
    """Whether the file that was promised lies at `path`."""
    if not path.exists() or path.stat().st_size != size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _upload_by_hand(path: Path, reason: str) -> None:
    """Asks for the file where there is a dialog for it (on Colab); FileNotFoundError elsewhere."""
    advice = f"the rows cannot be fetched: {reason}. Download {path.name} where you got this notebook, and"
    if not on_colab():
        raise FileNotFoundError(f"{advice} put it beside the notebook, or set data_file to its path")
    from google.colab import files

    print(f"{advice} choose it here:")
    uploaded = files.upload()
    if not uploaded:
        raise FileNotFoundError(f"{advice} run this cell again")
    path.write_bytes(next(iter(uploaded.values())))


def fetch_file(url: str, path: Path, size: int, sha256: str) -> None:
    """Downloads `size` bytes to `path` by way of `path`.part, from which it goes on after an interruption.

    PermissionError when the link is refused (expired or revoked); ConnectionError after `FETCH_ATTEMPTS` failures.
    """
    partial = path.with_name(f"{path.name}.part")
    failure: Exception | None = None
    for attempt in range(FETCH_ATTEMPTS):
        if failure:
            print(f"fetching the rows again: {failure}")
            time.sleep(2 ** (attempt - 1))
        try:
            _fetch_rest(url, partial, size)
            if _is_file(partial, size, sha256):
                partial.replace(path)
                return
            partial.unlink()
            failure = ValueError("what arrived is another file: its SHA-256 differs")
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (401, 403, 404, 410):
                raise PermissionError(f"their link has expired or was revoked (status {error.code})") from None
            if error.code == 416:
                partial.unlink(missing_ok=True)  # as long as the file or longer, and not the file
            failure = error
        except (OSError, http.client.HTTPException) as error:
            failure = error
    raise ConnectionError(f"{FETCH_ATTEMPTS} attempts failed, the last with: {failure}")


def _fetch_rest(url: str, partial: Path, size: int) -> None:
    """Appends what is missing of the file; OSError when the connection ends before `size` bytes are there."""
    start = partial.stat().st_size if partial.exists() else 0
    if start == size:
        return
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=FETCH_TIMEOUT) as answer, partial.open("ab") as file:  # noqa: S310
        if answer.status != 206:
            file.truncate(0)  # a server that knows no ranges sends the whole file again
        while chunk := answer.read(1 << 20):
            file.write(chunk)
    if (reached := partial.stat().st_size) != size:
        raise OSError(f"the connection ended at {reached:,} of {size:,} bytes")


def decrypt_payload(payload: bytes, key: str) -> bytes:
    """What AES-256-GCM hides: `payload` is the nonce of 12 bytes, the ciphertext and its tag (NIST SP 800-38D).

    `key` is 32 bytes in URL-safe base64; when it is empty, it is asked for. ValueError when it is not the right one or
    the data was changed.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        cipher = AESGCM(base64.urlsafe_b64decode(key or getpass("Key of the rows, as Tunebook showed it: ").strip()))
        return cipher.decrypt(payload[:NONCE_BYTES], payload[NONCE_BYTES:], None)
    except (InvalidTag, ValueError):
        raise ValueError("the rows cannot be decrypted: the key is not theirs, or the data was changed") from None


def decode_conversations(payload: bytes, sha256: str) -> list[Conversation]:
    """Conversations from gzipped JSON lines, read line by line; ValueError when their SHA-256 is not `sha256`."""
    digest = hashlib.sha256()
    conversations = []
    with gzip.GzipFile(fileobj=io.BytesIO(payload)) as lines:
        for line in lines:
            digest.update(line)
            if line != b"\n":
                conversations.append(json.loads(line))
    found = digest.hexdigest()
    if found != sha256:
        raise ValueError(f"the rows have SHA-256 {found}, expected {sha256}: generate the notebook again")
    return conversations


def split_conversations(
    conversations: list[Conversation], eval_fraction: float, seed: int
) -> tuple[list[int], list[int]]:
    """Indices (train, held-out). Identical conversations always fall on the same side.

    At least one distinct conversation is on each side, and about `MAX_HELD_OUT` at most are held out. ValueError when
    there are fewer than two.
    """
    keys = [json.dumps(conversation, sort_keys=True) for conversation in conversations]
    return split_alike(keys, eval_fraction, seed)


def split_alike(keys: Sequence[Hashable], eval_fraction: float, seed: int) -> tuple[list[int], list[int]]:
    """The split of `split_conversations`, of which `keys` say which are identical."""
    groups: dict[Hashable, list[int]] = {}
    for index, key in enumerate(keys):
        groups.setdefault(key, []).append(index)
    if len(groups) < 2:
        raise ValueError("the data needs at least two different conversations: one to learn, one held out")
    order = list(groups.values())
    random.Random(seed).shuffle(order)
    wanted = min(MAX_HELD_OUT, max(1, round(len(keys) * eval_fraction)))
    # One row many times over would be more than the share, and missing from what is trained on.
    order.sort(key=lambda group: len(group) <= wanted)
    held_out: list[int] = []
    while len(order) > 1 and len(held_out) < wanted and not (held_out and len(order[-1]) > wanted):
        held_out += order.pop()
    return sorted(index for group in order for index in group), sorted(held_out)
