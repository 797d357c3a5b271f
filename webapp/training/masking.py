"""The loss mask: training rows of token ids, of which only the answers are learned.

One row per answer, as the model sees it when it is used; or one row per conversation, where the template writes every
answer the same whether or not another follows.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.training.turns import Render, Turn, has_trained_text, prompt_completions

Encode = Callable[[str], list[int]]

IGNORED = -100  # the label that the loss skips


def tokenizer_encode(tokenizer: Any) -> Encode:
    """Text to token ids without added special tokens: the rendered text already holds them."""

    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    return encode


@dataclass(frozen=True)
class Row:
    """One training row: token ids, the last of its answers from `prompt_length` to the end.

    It comes from message `turn` of conversation `conversation` (both 0-based). `earlier` are the other answers that
    are trained, as [start, end) in `input_ids`.
    """

    conversation: int
    turn: int
    input_ids: list[int]
    prompt_length: int
    cut: bool
    earlier: tuple[tuple[int, int], ...] = ()

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Every trained answer, as [start, end) in `input_ids`, rising."""
        return (*self.earlier, (self.prompt_length, len(self.input_ids)))

    @property
    def labels(self) -> list[int]:
        """Token ids to predict, `IGNORED` outside the answers; the same length as `input_ids`."""
        labels = [IGNORED] * len(self.input_ids)
        for start, end in self.spans:
            labels[start:end] = self.input_ids[start:end]
        return labels

    @property
    def trained(self) -> int:
        """How many tokens the loss counts; the very first of a row is never predicted."""
        return sum(end - max(1, start) for start, end in self.spans)


def fit_length(prompt: list[int], completion: list[int], limit: int) -> tuple[list[int], int, bool]:
    """(token ids, prompt length, was it cut). The oldest prompt tokens go first, then the completion's end."""
    completion_kept = completion[: limit - 1]  # one token of the prompt stays: the first answer token needs a past
    room = limit - len(completion_kept)
    prompt_kept = prompt[-room:]
    cut = len(prompt_kept) < len(prompt) or len(completion_kept) < len(completion)
    return prompt_kept + completion_kept, len(prompt_kept), cut


def build_rows(
    conversations: Sequence[dict[str, Any]],
    indices: Sequence[int],
    render: Render,
    encode: Encode,
    max_seq_length: int,
    train_turns: str = "separate",
) -> list[Row]:
    """Training rows of the conversations at `indices`, the parts that are trained and those that are not encoded apart.

    With `train_turns` "together" a conversation is one row where that can be (see `joined_row`). ValueError names the
    first conversation (1-based line of the data) that cannot be masked or has nothing to train on.
    """
    rows: list[Row] = []
    for index in indices:
        conversation = conversations[index]
        try:
            turns = prompt_completions(conversation, render)
            learned = has_trained_text(conversation, turns, render)
        except Exception as error:  # a template's own error names no row
            raise ValueError(f"row {index + 1}: {error}") from error
        if not learned:
            raise ValueError(f"row {index + 1} has no trained text: no answer of the assistant is left to learn")
        joined = joined_row(index, turns, encode, max_seq_length) if train_turns == "together" else None
        rows += [joined] if joined else _rows_apart(index, turns, encode, max_seq_length)
    return rows


def _rows_apart(index: int, turns: Iterable[Turn], encode: Encode, limit: int) -> list[Row]:
    fitted = [(turn.position, fit_length(encode(turn.prompt), encode(turn.completion), limit)) for turn in turns]
    return [Row(index, position, ids, length, cut) for position, (ids, length, cut) in fitted]


def joined_row(index: int, turns: Sequence[Turn], encode: Encode, limit: int) -> Row | None:
    """All answers of a conversation in one row, or None where they have to stay apart.

    They do where a prompt does not begin with the one before it and its answer: there the template writes an answer
    differently once another follows, and the model would learn what it never sees. And where the row would be cut.
    """
    ids: list[int] = []
    spans: list[tuple[int, int]] = []
    text = ""
    for _, prompt, completion in turns:
        if not prompt.startswith(text):
            return None
        ids += encode(prompt[len(text) :])
        start = len(ids)
        ids += encode(completion)
        spans.append((start, len(ids)))
        text = prompt + completion
    if len(ids) > limit:
        return None
    return Row(index, turns[-1].position, ids, spans[-1][0], False, tuple(spans[:-1]))
