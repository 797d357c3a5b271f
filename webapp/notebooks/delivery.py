"""How a dataset's rows travel with a notebook: inside it, or as a file of their own; in the clear or encrypted."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Self

from webapp.training.data import NONCE_BYTES

MAX_EMBEDDED_BYTES = 5_000_000  # compressed; base64 adds a third
KEY_BYTES = 32
_TAG_BYTES = 16
_AT_A_TIME = 1024 * 1024


@dataclass(frozen=True)
class Embedded:
    """The rows stand in the notebook: `payload` is the gzip of the canonical lines, or its ciphertext.

    `key` is None for rows in the clear, else what opens them, in URL-safe base64: empty when the notebook has to ask.
    """

    payload: bytes
    key: str | None = None


@dataclass(frozen=True)
class Fetched:
    """The rows are the file `name` of `size` bytes: fetched from `url`, or put beside the notebook when that is None.

    `sha256` is the file's own digest; `key` as in `Embedded`.
    """

    name: str
    size: int
    sha256: str
    url: str | None = None
    key: str | None = None


Delivery = Embedded | Fetched


@dataclass(frozen=True)
class Secret:
    """What encrypts one payload and never another: 32 and 12 random bytes."""

    key: bytes
    nonce: bytes

    def __post_init__(self) -> None:
        if (len(self.key), len(self.nonce)) != (KEY_BYTES, NONCE_BYTES):
            raise ValueError(f"AES-256-GCM takes a key of {KEY_BYTES} bytes and a nonce of {NONCE_BYTES}")

    @classmethod
    def new(cls) -> Self:
        """A secret that nobody knows yet."""
        return cls(secrets.token_bytes(KEY_BYTES), secrets.token_bytes(NONCE_BYTES))

    @property
    def text(self) -> str:
        """The key as a notebook holds it."""
        return base64.urlsafe_b64encode(self.key).decode()


def payload_name(notebook: str, *, encrypted: bool) -> str:
    """The name of the file of rows that belongs to a notebook: `support.ipynb` has `support.data.jsonl.gz`."""
    return Path(notebook).stem + (".data.jsonl.gz.aes" if encrypted else ".data.jsonl.gz")


def fits(payload: Path) -> bool:
    """Whether a notebook may carry the payload, encrypted or not."""
    return payload.stat().st_size + NONCE_BYTES + _TAG_BYTES <= MAX_EMBEDDED_BYTES


def encrypt(source: BinaryIO, secret: Secret, target: BinaryIO) -> None:
    """Writes the nonce, the AES-256-GCM ciphertext and its tag, 1 MiB at a time (NIST SP 800-38D: up to 64 GiB)."""
    # Imported here: only who encrypts needs it.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    encryptor = Cipher(algorithms.AES(secret.key), modes.GCM(secret.nonce)).encryptor()
    target.write(secret.nonce)
    while block := source.read(_AT_A_TIME):
        target.write(encryptor.update(block))
    target.write(encryptor.finalize() + encryptor.tag)


def embed(payload: Path, secret: Secret | None = None) -> Embedded:
    """The delivery of a payload inside the notebook."""
    if secret is None:
        return Embedded(payload.read_bytes())
    ciphertext = BytesIO()
    with payload.open("rb") as source:
        encrypt(source, secret, ciphertext)
    return Embedded(ciphertext.getvalue(), secret.text)


def describe_file(path: Path, name: str, *, url: str | None = None, key: str | None = None) -> Fetched:
    """The delivery of a file that is written already."""
    with path.open("rb") as file:
        return Fetched(name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest(), url, key)
