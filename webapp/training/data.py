"""The embedded conversations: decoded, verified, and split without a duplicate on both sides."""

import base64
import gzip
import hashlib
import json
import random
from typing import Any

Conversation = dict[str, Any]

MAX_HELD_OUT = 500  # more would make evaluation slow and its figure hardly steadier


def decode_conversations(payload: str, sha256: str) -> list[Conversation]:
    """Conversations from gzipped, base64-encoded JSON lines; ValueError when their SHA-256 is not `sha256`."""
    raw = gzip.decompress(base64.b64decode(payload))
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise ValueError(f"the embedded data has SHA-256 {found}, expected {sha256}: generate the notebook again")
    return [json.loads(line) for line in raw.split(b"\n") if line]


def split_conversations(
    conversations: list[Conversation], eval_fraction: float, seed: int
) -> tuple[list[int], list[int]]:
    """Indices (train, held-out). Identical conversations always fall on the same side.

    At least one distinct conversation is on each side, and about `MAX_HELD_OUT` at most are held out. ValueError when
    there are fewer than two.
    """
    groups: dict[str, list[int]] = {}
    for index, conversation in enumerate(conversations):
        groups.setdefault(json.dumps(conversation, sort_keys=True), []).append(index)
    if len(groups) < 2:
        raise ValueError("the data needs at least two different conversations: one to learn, one held out")
    order = list(groups.values())
    random.Random(seed).shuffle(order)
    wanted = min(MAX_HELD_OUT, max(1, round(len(conversations) * eval_fraction)))
    held_out: list[int] = []
    while len(order) > 1 and len(held_out) < wanted:
        held_out += order.pop()
    return sorted(index for group in order for index in group), sorted(held_out)
