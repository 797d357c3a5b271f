"""Texts that repeat themselves: the same line or sentence again and again, or a loop without an end."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from webapp.datasets.hashing import GOLDEN, mix

REPEATS = 4
REPEATED_CHARACTERS = 20
LOOPED_CHARACTERS = 40
_FULL_STOP, _SPACE, _NEWLINE = b". \n"
_COMPARED_BYTES = 16  # of the beginning of a sentence; no more than REPEATED_CHARACTERS


def repeats_itself(text: str) -> bool:
    """Whether a line or sentence of at least 20 characters, or the last 40 characters, occur at least 4 times."""
    if len(text) < REPEATS * REPEATED_CHARACTERS:
        return False
    sentences = text.replace("\n", ". ").split(". ")
    if len(sentences) - len(set(sentences)) >= REPEATS - 1:
        counts = Counter(sentence for sentence in sentences if len(sentence) >= REPEATED_CHARACTERS)
        if max(counts.values(), default=0) >= REPEATS:
            return True
    # A model that is caught in a loop without sentences never gets out of it.
    return text.count(text[-LOOPED_CHARACTERS:]) >= REPEATS


def perhaps_repeating(texts: Sequence[bytes]) -> list[int]:
    """The places of the texts (UTF-8) that may repeat themselves, in half the time of asking each.

    A text of which no four sentences begin with the same 16 bytes, and whose end is not met again, does not.
    """
    joined = np.frombuffer(b"\n".join([b"", *texts, bytes(_COMPARED_BYTES)]), np.uint8)
    begins = np.concatenate(
        [
            np.flatnonzero(joined == _NEWLINE) + 1,
            np.flatnonzero((joined[:-1] == _FULL_STOP) & (joined[1:] == _SPACE)) + 2,
        ]
    )
    begins = begins[begins <= len(joined) - _COMPARED_BYTES]
    starts = np.cumsum([1, *map(len, texts)]) + np.arange(len(texts) + 1)
    owners = np.searchsorted(starts, begins, side="right") - 1
    words = np.ndarray(len(joined) - 7, np.uint64, joined, strides=(1,))
    keys = mix(words[begins] + mix(words[begins + 8] + owners.astype(np.uint64) * GOLDEN))
    ordered = np.sort(keys)
    repeated = ordered[REPEATS - 1 :][ordered[REPEATS - 1 :] == ordered[: 1 - REPEATS]]
    found = set(owners[np.isin(keys, repeated)].tolist()) if len(repeated) else set()
    # As many bytes as characters are no more of the text, so that no loop is missed.
    found.update(place for place, text in enumerate(texts) if text.count(text[-LOOPED_CHARACTERS:]) >= REPEATS)
    return sorted(found - {len(texts)})
