"""The formats of rows: which names of columns say what a row is, and what each column then is for.

Only names that are in wide use are known. Whatever else a file holds, its owner says what is what: a mapping of columns
to parts.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Literal, get_args

import msgspec

Part = Literal["messages", "conversations", "tools", "system", "prompt", "input", "history", "completion", "text"]
Format = Literal["openai_messages", "sharegpt", "alpaca", "prompt_completion", "question_answer", "text"]
Mapped = Mapping[str, Part]

PARTS: tuple[Part, ...] = get_args(Part)
# What is no text but a list.
LIST_PARTS: frozenset[Part] = frozenset({"messages", "conversations", "tools", "history"})
CHAT_PARTS: frozenset[Part] = frozenset({"messages", "conversations"})
# What a row has to have, one of these; everything else may be missing.
ESSENTIALS: tuple[tuple[Part, ...], ...] = (("messages",), ("conversations",), ("prompt", "completion"), ("text",))
# The name under which the reader of tables puts the cells for which the header has no name.
BEYOND_HEADER = "beyond the header"

CHAT_NAMES = frozenset({"messages", "conversations", "conversation"})
_PROMPTS = ("instruction", "prompt", "question", "query", "input")
_COMPLETIONS = ("completion", "response", "answer", "output")
_SHORT = (("q", "a"),)
_OPTIONAL: dict[Part, tuple[str, ...]] = {
    "system": ("system", "system_prompt"),
    "input": ("input", "context"),
    "history": ("history",),
}
_FORMAT_OF_PROMPT: dict[str, Format] = {
    "instruction": "alpaca",
    "question": "question_answer",
    "q": "question_answer",
}
# What may stand beside a plain text without being the better part of the row.
_BESIDE_TEXT = frozenset({"id", "source", "url", "title", "date", "timestamp", "lang", "language", "meta", "metadata"})
_PREFERENCE_TAGS = ("label", "kto_tag")


class Layout(msgspec.Struct, frozen=True):
    """How the rows of a file are read: the name of their format, and the part that each of its columns plays."""

    format: Format
    mapping: dict[str, Part]

    @property
    def verbatim(self) -> bool:
        """Whether a row is OpenAI's `messages` form as it stands."""
        return self.format == "openai_messages" and all(column == part for column, part in self.mapping.items())

    @property
    def essentials(self) -> dict[str, Part]:
        """The columns that every row has to have."""
        return essentials(self.mapping)

    def column(self, part: Part) -> str | None:
        """The column that plays this part."""
        return next((column for column, played in self.mapping.items() if played == part), None)


OPENAI_MESSAGES = Layout("openai_messages", {"messages": "messages"})


def essentials(mapping: Mapped) -> dict[str, Part]:
    """The columns of a mapping without which a row is nothing."""
    needed = {part for parts in ESSENTIALS for part in parts}
    return {column: part for column, part in mapping.items() if part in needed}


def format_of(mapping: Mapped) -> Format:
    """The name of the format that a mapping of columns makes."""
    columns = {part: column for column, part in mapping.items()}
    if "messages" in columns:
        return "openai_messages"
    if "conversations" in columns:
        return "sharegpt"
    if "text" in columns:
        return "text"
    return _FORMAT_OF_PROMPT.get(_known(columns["prompt"]), "prompt_completion")


def readings(row: Mapping[str, Any]) -> list[dict[str, Part]]:
    """What the row can be taken for by its names and types: each a mapping; several where they fit equally well.

    Chats come before pairs of prompt and answer, and these before plain text, which often only repeats them.
    """
    names = {_known(column): column for column in row}
    return _chats(row, names) or _pairs(row, names) or _plain(row, names)


def fits(row: Mapping[str, Any], layout: Layout) -> bool:
    """Whether the row has what the layout needs, under its names and of its types."""
    return all(
        column in row and (part in CHAT_PARTS or isinstance(row[column], str | None))
        for column, part in layout.essentials.items()
    )


def is_optional(column: str) -> bool:
    """Whether a column of this name may be a part of a conversation, beside those that make a format."""
    name = _known(column)
    return name == "tools" or any(name in names for names in _OPTIONAL.values())


def is_preference(row: Mapping[str, Any]) -> bool:
    """Whether the row holds a better and a worse answer, or an answer with a verdict."""
    names = {_known(column): column for column in row}
    if any(name.startswith("rejected") or name == "non_preferred_output" for name in names):
        return True
    tagged = any(isinstance(row[names[tag]], bool) for tag in _PREFERENCE_TAGS if tag in names)
    return tagged and bool(_pairs(row, names))


def _known(column: str) -> str:
    return column.strip().casefold()


def _chats(row: Mapping[str, Any], names: Mapping[str, str]) -> list[dict[str, Part]]:
    found: list[dict[str, Part]] = []
    for name in CHAT_NAMES & names.keys():
        column = names[name]
        turns = row[column]
        if isinstance(turns, list) and (name != "messages" or _speaks_from(turns)):
            found.append({column: "conversations", **_beside(names, "system"), **_beside(names, "tools")})
        elif name == "messages" and (column == "messages" or isinstance(turns, list)):
            found.append({column: "messages", **_beside(names, "tools")})
    return sorted(found, key=list)


def _speaks_from(turns: list[Any]) -> bool:
    return bool(turns) and isinstance(turns[0], dict) and "from" in turns[0]


def _beside(names: Mapping[str, str], part: Part) -> dict[str, Part]:
    """The column that plays an optional part, where exactly one can."""
    columns = [names[name] for name in _OPTIONAL.get(part, (part,)) if name in names]
    return {columns[0]: part} if len(columns) == 1 else {}


def _pairs(row: Mapping[str, Any], names: Mapping[str, str]) -> list[dict[str, Part]]:
    found: list[dict[str, Part]] = []
    for prompt, completion in (*product(_PROMPTS, _COMPLETIONS), *_SHORT):
        if prompt in names and completion in names and _are_texts(row, names[prompt], names[completion]):
            found += _with_options(names, {names[prompt]: "prompt", names[completion]: "completion"})
    # What explains more columns is the better reading: instruction, input, output rather than input, output.
    return [reading for reading in found if not any(reading.keys() < other.keys() for other in found)]


def _are_texts(row: Mapping[str, Any], *columns: str) -> bool:
    return all(isinstance(row[column], str | None) for column in columns)


def _with_options(names: Mapping[str, str], pair: Mapping[str, Part]) -> Iterator[dict[str, Part]]:
    choices = []
    for part, known in _OPTIONAL.items():
        columns = [names[name] for name in known if name in names and names[name] not in pair]
        choices.append([{column: part} for column in columns] or [{}])
    for chosen in product(*choices):
        yield {**pair, **{column: part for one in chosen for column, part in one.items()}}


def _plain(row: Mapping[str, Any], names: Mapping[str, str]) -> list[dict[str, Part]]:
    text = names.get("text")
    if text is None or not isinstance(row[text], str) or names.keys() - _BESIDE_TEXT - {"text"}:
        return []
    return [{text: "text"}]
