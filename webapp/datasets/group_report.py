"""What a report says of examples that belong together: duplicates, conflicts and leakage."""

from typing import Literal

import msgspec

MAX_GROUPS, MAX_GROUP_LINES = 50, 20


class DuplicateGroup(msgspec.Struct, frozen=True):
    """`size` examples that repeat one another; `lines` are the first of them, at most 20, 1-based.

    `similarity` (0 to 1) is the lowest Jaccard similarity of token bigrams among the pairs that hold the group
    together; system prompts and tool definitions are left out of it.
    """

    kind: Literal["exact", "near"]
    similarity: float
    size: int
    lines: list[int]


class Duplicates(msgspec.Struct, frozen=True):
    """`count` rows could be dropped; `examples` are the indices of the first of them, at most 1000, 0-based.

    `exact` of these repeat an earlier row to the byte; `near`, counted once those are gone, say almost the same as
    an earlier one. `groups` are the largest, at most 50.
    """

    count: int
    exact: int
    near: int
    examples: list[int]
    groups: list[DuplicateGroup]


class ConflictGroup(msgspec.Struct, frozen=True):
    """`size` examples ask exactly the same and have `answers` different answers; `lines` are the first, at most 20."""

    size: int
    answers: int
    lines: list[int]


class Conflicts(msgspec.Struct, frozen=True):
    """`count` examples in `group_count` groups with the same prompt and different answers.

    The prompt is everything before the last answer, system prompt and tools included. `groups` are the largest, at
    most 50.
    """

    count: int
    group_count: int
    groups: list[ConflictGroup]


class LeakedRow(msgspec.Struct, frozen=True):
    """An example of the validation file, and the first example for training that it repeats, by their lines."""

    validation_line: int
    line: int
    kind: Literal["exact", "near"]


class Leakage(msgspec.Struct, frozen=True):
    """`count` of `checked` examples for validation repeat one for training, exactly or almost; the first are named.

    `rows` are at most 100. `near` counts those that are no exact copy.
    """

    checked: int
    count: int
    exact: int
    near: int
    rows: list[LeakedRow]
