"""The proof of the mask, before any training: rows with their trained parts marked, and whose template wrote them."""

import html
import importlib
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from webapp.training.masking import Row
from webapp.training.turns import Render, Turn, common_length, prompt_completions, system_is_merged, tokenizer_render

Decode = Callable[[list[int]], str]

COMPARED_CONVERSATIONS = 50
_SHOWN_CHARACTERS = 2_000  # of each part of a row
# Colours of their own for ground and text, so that light and dark pages show the same.
_ROW_STYLE = (
    "background:#fff;color:#1d2326;border:1px solid #8a949b;border-radius:6px;padding:8px 12px;margin:8px 0;"
    "white-space:pre-wrap;overflow-wrap:anywhere;font-family:monospace;font-size:13px"
)
_TRAINED_STYLE = "background:#c4ecd2;color:#06301a;border-bottom:2px solid #1c6b34"


def mask_pieces(row: Row, decode: Decode) -> list[tuple[str, bool]]:
    """The row's text in pieces, each with whether it is trained; special tokens are spelled out."""
    borders = [0, *(border for span in row.spans for border in span)]
    pieces = [
        (decode(row.input_ids[start:end]), place % 2 == 1) for place, (start, end) in enumerate(pairwise(borders))
    ]
    return [(text, trained) for text, trained in pieces if text]


def bracketed_mask(pieces: Iterable[tuple[str, bool]]) -> str:
    """Plain text with the trained pieces between ⟦ and ⟧."""
    return "".join(f"⟦{_shortened(text)}⟧" if trained else _shortened(text) for text, trained in pieces)


def coloured_mask(title: str, pieces: Iterable[tuple[str, bool]]) -> str:
    """HTML that needs no style sheet, the trained pieces coloured and underlined; nothing in a row becomes markup."""
    marked = "".join(
        f'<mark style="{_TRAINED_STYLE}">{html.escape(_shortened(text))}</mark>'
        if trained
        else html.escape(_shortened(text))
        for text, trained in pieces
    )
    return f'<div style="{_ROW_STYLE}"><strong>{html.escape(title)}</strong><br>{marked}</div>'


def _shortened(text: str) -> str:
    left_out = len(text) - _SHOWN_CHARACTERS
    half = _SHOWN_CHARACTERS // 2
    return text if left_out <= 0 else f"{text[:half]} [… {left_out:,} characters …] {text[-half:]}"


def show_proof(rows: Sequence[Row], decode: Decode) -> None:
    """Shows every row of the first two conversations: printed, and in a notebook also in colour."""
    first = list(dict.fromkeys(row.conversation for row in rows))[:2]
    blocks = []
    for row in (row for row in rows if row.conversation in first):
        title, pieces = f"conversation {row.conversation + 1}, up to message {row.turn + 1}", mask_pieces(row, decode)
        print(f"--- {title}\n{bracketed_mask(pieces)}\n")
        blocks.append(coloured_mask(title, pieces))
    _display_html("".join(blocks))


def _display_html(markup: str) -> None:
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython():
        screen = importlib.import_module("IPython.display")
        screen.display(screen.HTML(markup))


def settle_template(
    tokenizer: Any, conversations: Sequence[dict[str, Any]], family: str, family_template: str
) -> dict[str, Any]:
    """Says which template writes the rows, and how far it agrees with the one the app has shown them in.

    A tokenizer without a template gets the family's, and a miniature has it already. Otherwise both render the first
    conversations, and the run goes on with the tokenizer's own. The answer is for the report.
    """
    own = tokenizer.chat_template
    if not own:
        tokenizer.chat_template = family_template
    # The family's text is carried with its special tokens set before it.
    is_family = not own or (isinstance(own, str) and family_template.endswith(own))
    name = f"that of {family}, as Tunebook carries it" if is_family else "the tokenizer's own template"
    render, shown = tokenizer_render(tokenizer), tokenizer_render(tokenizer, family_template)
    some = conversations[:COMPARED_CONVERSATIONS]
    differing, differing_trained, first = compare_renderings(some, shown, render)
    has_system = any(message["role"] == "system" for one in conversations for message in one["messages"])
    merged = has_system and system_is_merged(render)
    print(f"chat template: {name}")
    if merged:
        print("the template has no system role: system prompts begin the user's turn that follows")
    print(
        f"compared with {family} as Tunebook carries it, {len(some)} conversations: the trained text differs in "
        f"{differing_trained}, the whole text in {differing}"
    )
    if first:
        print(first)
    return {
        "family": family,
        "source": "family" if is_family else "tokenizer",
        "system_merged": merged,
        "compared": len(some),
        "differing": differing,
        "differing_trained": differing_trained,
    }


def compare_renderings(
    conversations: Iterable[dict[str, Any]], shown: Render, real: Render
) -> tuple[int, int, str | None]:
    """How many conversations two templates write differently: at all, in the trained text, and the first such place."""
    differing = differing_trained = 0
    first = None
    for number, conversation in enumerate(conversations, 1):
        ours, theirs = (_turns_or_fault(conversation, render) for render in (shown, real))
        differing += ours != theirs
        if [turn.completion for turn in ours] != [turn.completion for turn in theirs]:
            differing_trained += 1
            first = first or f"first in conversation {number}:\n{_first_difference(ours, theirs)}"
    return differing, differing_trained, first


def _turns_or_fault(conversation: dict[str, Any], render: Render) -> list[Turn]:
    try:
        return prompt_completions(conversation, render)
    except Exception as error:  # the rows are built next, and name the line
        return [Turn(0, "", f"cannot be rendered: {error}")]


def _first_difference(ours: Sequence[Turn], theirs: Sequence[Turn]) -> str:
    """The two trained texts around the place where they begin to differ."""
    pairs = [(a.completion, b.completion) for a, b in zip(ours, theirs, strict=False)]
    shown, real = next((a, b) for a, b in pairs if a != b)
    start = max(0, common_length(shown, real) - 40)
    return f"  in the app    {shown[start : start + 160]!r}\n  by tokenizer  {real[start : start + 160]!r}"


def count_joined(rows: Sequence[Row]) -> str:
    """How "together" went, in words: which conversations are rows of their own, and which had to stay apart."""
    counts: dict[int, int] = {}
    for row in rows:
        counts[row.conversation] = counts.get(row.conversation, 0) + 1
    apart = sum(count > 1 for count in counts.values())
    return f"{len(counts) - apart} conversations are one row each, {apart} stay apart, a row for each answer"
