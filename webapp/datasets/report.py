"""The report on a dataset: everything the higher floors know about it."""

from typing import Any, ClassVar, Literal, Self

import msgspec

from webapp.datasets.formats import Format
from webapp.datasets.group_report import Conflicts, Duplicates, Leakage
from webapp.datasets.token_report import Tokens, Truncation

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


class Part(msgspec.Struct, frozen=True):
    """One part of the quality score: 0 to 1, its weight, and why it is what it is."""

    name: str
    score: float
    weight: float
    why: str


class Quality(msgspec.Struct, frozen=True):
    """The parts whose weighted geometric mean is the quality score."""

    parts: list[Part]


class TaskGuess(msgspec.Struct, frozen=True):
    """The task the data seems to be for; `confidence`, 0 to 1, weighs what speaks for it against all other signs."""

    task: str
    confidence: float
    reasons: list[str]


class Distribution(msgspec.Struct, frozen=True):
    """Messages by role, characters a message, examples by tokens, and the share (0 to 100) of multi-turn examples.

    `turns` are examples by their messages of the user, those of many together as "8+".
    """

    roles: dict[str, int]
    avg_message_length: float
    token_distribution: dict[str, int]
    has_system_prompts: bool
    multi_turn_percentage: float
    turns: dict[str, int] = {}


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

    @property
    def count(self) -> int:
        """Hits of all kinds."""
        return sum(hits.count for hits in self.kinds.values())


class Languages(msgspec.Struct, frozen=True):
    """Shares (0 to 1) by ISO 639 code, the largest first, of the `sampled` examples whose language can be told."""

    sampled: int
    shares: dict[str, float]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where the examples come from: the file's container, and which column plays which part.

    `unit` is what `line` counts from 1 in this report: a line of the file, or a row (without a table's header).
    `confidence` (0 to 1) is the share of the `rows_looked_at`, the first of the file, that fit the format; `columns`
    are the names in these rows, at most 50 and those of the mapping.
    """

    container: Literal["jsonl", "json", "csv", "tsv", "parquet"]
    compression: Literal["gzip", "zstd"] | None
    unit: Literal["line", "row"]
    confidence: float
    mapping: dict[str, str]
    rows_looked_at: int
    columns: list[str] = []


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
