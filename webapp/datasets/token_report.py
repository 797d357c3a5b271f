"""What a report says of tokens."""

import msgspec


class SpotCheck(msgspec.Struct, frozen=True):
    """`checked` sampled texts (at most 500) were encoded again by a reference; `differing` gave other tokens."""

    checked: int
    differing: int


class ExpectedError(msgspec.Struct, frozen=True):
    """How far an estimate is from the chosen model's own count, as shares of the estimate (0.1: 10 % either way).

    `total` of all tokens together; 95 % of the examples are within `example_p95`.
    """

    total: float
    example_p95: float


class PerExample(msgspec.Struct, frozen=True):
    """Tokens of an example: percentiles by nearest rank, and of the longest."""

    p50: int
    p95: int
    p99: int
    max: int


class TokenRange(msgspec.Struct, frozen=True):
    """`count` examples have at least `start` and fewer than `end` tokens."""

    start: int
    end: int
    count: int


class Tokens(msgspec.Struct, frozen=True):
    """Tokens of all contents, names and arguments of tool calls, and tool definitions; no chat template.

    `exact` is false as long as the tokenizer is not the chosen model's own, and `expected_error` null only when it is.
    `trained` are those of the assistant's messages, weight 0 left out; where `template` names a chat template, as it
    writes them, with its tokens for the end of a turn. `by_role` has the definitions of tools as
    `tools`. `spot_check` is null where the tokenizer has no reference.
    """

    tokenizer: str
    exact: bool
    note: str
    total: int
    trained: int
    per_example: PerExample
    histogram: list[TokenRange]
    by_role: dict[str, int]
    spot_check: SpotCheck | None
    expected_error: ExpectedError | None = None
    template: str | None = None


class Truncation(msgspec.Struct, frozen=True):
    """A context of so many tokens would cut `examples` of the examples, the `share` 0 to 1 of all."""

    context: int
    examples: int
    share: float
