"""The report on a dataset: everything the higher floors know about it."""

from typing import Any, ClassVar, Literal, Self

import msgspec

from webapp.datasets.formats import Format

Severity = Literal["info", "warning", "error"]


class InvalidLine(msgspec.Struct, frozen=True):
    """One fault of one line (1-based).

    `column` (1-based, in characters; a byte order mark at the start of the file does not count) is where the parser
    stopped, the character that is wrong, or where the value at `path` begins; a repeated name's own place. `path` is a
    JSON path such as `$.messages[2].role`, null where the line is not JSON.
    """

    line: int
    column: int | None
    path: str | None
    code: str
    message: str


class InvalidLines(msgspec.Struct, frozen=True):
    """`count` is the number of lines; `items` names the faults of the first ones, at most 100 in all, 20 a line."""

    count: int
    items: list[InvalidLine]


class Issue(msgspec.Struct, frozen=True):
    """Something worth knowing about the data. An `error` stands in the way of training.

    `count` is the number of examples (or lines) it concerns, `lines` the first of them, at most 20, 1-based; `fix`
    says what to do.
    """

    code: str
    severity: Severity
    count: int
    message: str
    lines: list[int]
    fix: str


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
    `trained` are those of the assistant's messages, weight 0 left out. `by_role` has the definitions of tools as
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


class Truncation(msgspec.Struct, frozen=True):
    """A context of so many tokens would cut `examples` of the examples, the `share` 0 to 1 of all."""

    context: int
    examples: int
    share: float


class Part(msgspec.Struct, frozen=True):
    """One part of the quality score: 0 to 1, its weight, and why it is what it is."""

    name: str
    score: float
    weight: float
    why: str


class Quality(msgspec.Struct, frozen=True):
    """The parts whose weighted geometric mean is the quality score."""

    parts: list[Part]


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


class TaskGuess(msgspec.Struct, frozen=True):
    """The task the data seems to be for; `confidence`, 0 to 1, weighs what speaks for it against all other signs."""

    task: str
    confidence: float
    reasons: list[str]


class Distribution(msgspec.Struct, frozen=True):
    """Messages by role, characters a message, examples by tokens, and the share (0 to 100) of multi-turn examples."""

    roles: dict[str, int]
    avg_message_length: float
    token_distribution: dict[str, int]
    has_system_prompts: bool
    multi_turn_percentage: float


class Characteristics(msgspec.Struct, frozen=True):
    """What kind of data it is; shares are 0 to 1.

    `turns_avg` counts user messages an example; `question_share` the user's messages that end in a question mark;
    `json_answer_share` the answers that are a JSON object or list;
    `tool_call_share` the examples with a call; `distinct_answers` different answer texts; `non_ascii_share`
    characters outside ASCII. The rest are numbers of examples with such an answer: chat markers of another template,
    refusals, broken characters, gaps to be filled in, the same line or sentence at least four times, a single word,
    nothing.
    """

    MARKS: ClassVar = (
        "leaked_markers",
        "refusals",
        "mojibake",
        "placeholders",
        "repetition",
        "one_word_answers",
        "empty_answers",
    )

    turns_avg: float
    system_prompt_share: float
    question_share: float
    json_answer_share: float
    tool_call_share: float
    answer_chars_p50: int
    distinct_answers: int
    non_ascii_share: float
    leaked_markers: int = 0
    refusals: int = 0
    mojibake: int = 0
    placeholders: int = 0
    repetition: int = 0
    one_word_answers: int = 0
    empty_answers: int = 0


class PrivacyHits(msgspec.Struct, frozen=True):
    """`count` hits in `examples` examples, on `lines`: the first of them, at most 20, 1-based."""

    count: int
    examples: int
    lines: list[int]


class Privacy(msgspec.Struct, frozen=True):
    """Personal data and secrets by kind, only kinds that occur. What was found is nowhere in a report."""

    kinds: dict[str, PrivacyHits]


class Languages(msgspec.Struct, frozen=True):
    """Shares (0 to 1) by ISO 639 code, the largest first, of the `sampled` examples whose language can be told."""

    sampled: int
    shares: dict[str, float]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where the examples come from: the file's container, and which column plays which part.

    `unit` is what `line` counts from 1 in this report: a line of the file, or a row (without a table's header).
    `confidence` (0 to 1) is the share of the `rows_looked_at`, the first of the file, that fit the format.
    """

    container: Literal["jsonl", "json", "csv", "tsv", "parquet"]
    compression: Literal["gzip", "zstd"] | None
    unit: Literal["line", "row"]
    confidence: float
    mapping: dict[str, str]
    rows_looked_at: int


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """One analysed dataset. `sha256` is that of its canonical lines, the bytes a notebook embeds and trains on."""

    total_examples: int
    total_tokens: int
    avg_tokens_per_example: float
    quality_score: float
    quality_issues: list[Issue]
    format_valid: bool
    format: Format
    source: Source
    sha256: str
    invalid_lines: InvalidLines
    tokens: Tokens
    quality: Quality
    duplicates: Duplicates
    conflicts: Conflicts
    leakage: Leakage | None
    truncation: list[Truncation]
    task_guess: TaskGuess
    distribution: Distribution
    characteristics: Characteristics
    privacy: Privacy
    languages: Languages

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        report: dict[str, Any] = msgspec.to_builtins(self)
        return report

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The analysis `to_dict` was made of; further keys are ignored. Raises msgspec.ValidationError."""
        return msgspec.convert(data, cls)
