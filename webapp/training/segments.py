"""A conversation as a model reads it, in segments: whose each is, and whether it is learned."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from webapp.training.turns import Render, Turn, common_length, prompt_completions

_DROPPED_CHARACTERS = 200  # what a template leaves out of an answer that another follows: a thought, seldom longer


class Segment(NamedTuple):
    """A piece of rendered text; `role` is that of its message, None for what the template puts before the first."""

    text: str
    role: str | None
    trained: bool


def segments(conversation: dict[str, Any], render: Render) -> tuple[list[Segment], int]:
    """The conversation up to the last answer that is learned, and how many messages come after it.

    The trained segments are exactly the completions of `prompt_completions`. What is between them is written as in the
    last row; where the template repeats an earlier answer without its thought, the answer is shown as it is learned.
    """
    messages, tools = conversation["messages"], conversation.get("tools")
    learned = {turn.position for turn in prompt_completions(conversation, render)}
    last = max(learned, default=-1)
    # Answers of weight 0 end a stretch of context too.
    answers = [{key: value for key, value in message.items() if key != "weight"} for message in messages[: last + 1]]
    turns = prompt_completions({"messages": answers, "tools": tools}, render)
    found: list[Segment] = []
    before: Turn | None = None
    for turn, after in zip(turns, [*turns[1:], None][: len(turns)], strict=True):
        found += _context(messages, tools, before, turn, render)
        trained = turn.position in learned
        text = turn.completion if trained or after is None else _as_repeated(turn, after.prompt)
        found.append(Segment(text, "assistant", trained))
        before = turn
    return [segment for segment in found if segment.text], len(messages) - last - 1


def _context(
    messages: Sequence[dict[str, Any]],
    tools: list[dict[str, Any]] | None,
    before: Turn | None,
    turn: Turn,
    render: Render,
) -> Iterator[Segment]:
    """The text between two answers, by the messages it is made of; the last piece begins the answer."""
    prompt, place, start = turn.prompt, 0, 0
    if before:
        place = before.position + 1
        start = _answer_start(before, prompt) + len(_as_repeated(before, prompt))
    elif turn.position:
        start = _preamble(messages[0], tools, prompt, render)
        yield Segment(prompt[:start], None, False)
    for position in range(place, turn.position):
        text = render(list(messages[: position + 1]), tools, False)
        if len(text) > start and prompt.startswith(text):
            yield Segment(prompt[start : len(text)], messages[position]["role"], False)
            start = len(text)
    yield Segment(prompt[start:], "assistant", False)


def _preamble(first: dict[str, Any], tools: list[dict[str, Any]] | None, prompt: str, render: Render) -> int:
    """How many characters stand before the first message's own words: definitions of tools, and its header."""
    yes, no = (render([{"role": first["role"], "content": words}], tools, False) for words in ("Yes", "no"))
    length = common_length(yes, no)
    return length if prompt.startswith(yes[:length]) else 0


def _as_repeated(answer: Turn, prompt: str) -> str:
    """The answer as a later prompt repeats it: without what the template says only before the last one."""
    place = _answer_start(answer, prompt)
    for dropped in range(min(len(answer.completion), _DROPPED_CHARACTERS)):
        kept = answer.completion[dropped:]
        if prompt.startswith(kept, place):
            return kept
    return ""


def _answer_start(answer: Turn, prompt: str) -> int:
    """Where the answer begins in a later prompt: after its own prompt, or as much of that as the template kept."""
    return len(answer.prompt) if prompt.startswith(answer.prompt) else common_length(answer.prompt, prompt)
