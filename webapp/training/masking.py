"""The loss mask: one training row per assistant turn, its prompt ignored, its completion trained.

The mask is made from rendered text, so it needs no markers in the chat template and equals what the model sees when
it is used: prompt = the history rendered with the generation prompt, completion = what the answer adds to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# render(messages, tools, add_generation_prompt) -> text
Render = Callable[[list[dict[str, Any]], list[dict[str, Any]] | None, bool], str]
Encode = Callable[[str], list[int]]

IGNORED = -100  # the label that the loss skips


def tokenizer_render(tokenizer: Any) -> Render:
    """`render` by a transformers tokenizer's own chat template."""

    def render(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None, add_generation_prompt: bool) -> str:
        text: str = tokenizer.apply_chat_template(
            messages, tools=tools, add_generation_prompt=add_generation_prompt, tokenize=False
        )
        return text

    return render


def tokenizer_encode(tokenizer: Any) -> Encode:
    """Text to token ids without added special tokens: the rendered text already holds them."""

    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    return encode


@dataclass(frozen=True)
class Row:
    """One training row: token ids of prompt and completion; the first `prompt_length` are not trained.

    It comes from message `turn` of conversation `conversation` (both 0-based).
    """

    conversation: int
    turn: int
    input_ids: list[int]
    prompt_length: int
    cut: bool

    @property
    def labels(self) -> list[int]:
        """Token ids to predict, `IGNORED` on the prompt; the same length as `input_ids`."""
        return [IGNORED] * self.prompt_length + self.input_ids[self.prompt_length :]


def prompt_completions(conversation: dict[str, Any], render: Render) -> list[tuple[int, str, str]]:
    """(turn, prompt, completion) of a conversation's assistant turns; a turn of `weight` 0 is only context.

    ValueError when the template renders the history differently once the answer follows it.
    """
    messages, tools = conversation["messages"], conversation.get("tools")
    turns = []
    for position, message in enumerate(messages):
        if message["role"] != "assistant" or message.get("weight") == 0:
            continue
        prompt = render(messages[:position], tools, True)
        whole = render(messages[: position + 1], tools, False)
        if not whole.startswith(prompt):
            raise ValueError("the chat template changes the history when an answer follows it")
        turns.append((position, prompt, whole[len(prompt) :]))
    return turns


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
) -> list[Row]:
    """Training rows of the conversations at `indices`, prompt and completion tokenised apart.

    ValueError names the first conversation (1-based line of the data) that has nothing to train on.
    """
    rows = []
    for index in indices:
        trained = 0
        try:
            turns = prompt_completions(conversations[index], render)
        except ValueError as error:
            raise ValueError(f"row {index + 1}: {error}") from None
        for turn, prompt, completion in turns:
            ids, prompt_length, cut = fit_length(encode(prompt), encode(completion), max_seq_length)
            rows.append(Row(index, turn, ids, prompt_length, cut))
            trained += len(ids) - prompt_length
        if not trained:
            raise ValueError(f"row {index + 1} has no trained token: no answer of the assistant is left to learn")
    return rows


def show_mask(row: Row, decode: Callable[[list[int]], str]) -> str:
    """The row as the model sees it, the trained part between ⟦ and ⟧."""
    prompt, completion = row.input_ids[: row.prompt_length], row.input_ids[row.prompt_length :]
    return f"{decode(prompt)}⟦{decode(completion)}⟧"


def last_request(messages: Sequence[dict[str, Any]], turn: int) -> str:
    """What the answer at `turn` replies to: the nearest user message before it."""
    requests = [message.get("content") or "" for message in messages[:turn] if message["role"] == "user"]
    return requests[-1] if requests else ""
