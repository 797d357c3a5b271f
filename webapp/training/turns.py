"""From a conversation to the texts that are learned: each answer of the assistant, after the history a model sees.

The loss mask is made from rendered text, so it needs no markers in the chat template and equals what the model sees
when it is used: prompt = the history rendered with the generation prompt, completion = what the answer adds to it.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

# render(messages, tools, add_generation_prompt) -> text
Render = Callable[[list[dict[str, Any]], list[dict[str, Any]] | None, bool], str]

_SYSTEM = "Words of a system prompt."
_REQUEST = "A request."


class Turn(NamedTuple):
    """One answer to learn: its message's place (from 0), the text before it, and what it adds."""

    position: int
    prompt: str
    completion: str


def tokenizer_render(tokenizer: Any, chat_template: str | None = None) -> Render:
    """`render` by a transformers tokenizer's own chat template, or by another one."""

    def render(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None, add_generation_prompt: bool) -> str:
        text: str = tokenizer.apply_chat_template(
            messages,
            tools=tools,
            chat_template=chat_template,
            add_generation_prompt=add_generation_prompt,
            tokenize=False,
        )
        return text

    return suited(render)


def suited(render: Render) -> Render:
    """`render` as conversations need it, whatever the template takes.

    Arguments of calls are handed over as objects, as transformers documents it: some templates would quote a text
    twice. Where the template refuses or drops system prompts, they become part of the user's turn that follows.
    """
    merging = not _takes_system(render)

    def rendered(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None, generation: bool) -> str:
        given = [_with_objects(message) if message.get("tool_calls") else message for message in messages]
        return render(merge_system(given) if merging else given, tools, generation)

    return rendered


def _takes_system(render: Render) -> bool:
    """Whether a system prompt is written, and still is when an answer follows: not so by Mistral 7B's template."""
    asked = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _REQUEST}]
    answered = [*asked, {"role": "assistant", "content": "An answer."}]
    try:
        return _SYSTEM in render(asked, None, True) and _SYSTEM in render(answered, None, False)
    except Exception:  # whatever a stranger's template raises: it does not take them
        return False


def system_is_merged(render: Render) -> bool:
    """Whether a system prompt is written as the beginning of the user's turn, by the template or by `suited`."""
    apart = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _REQUEST}]
    return render(apart, None, True) == render(merge_system(apart), None, True)


def merge_system(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages without system prompts: each begins the user's turn after it, or is a turn of its own."""
    merged: list[dict[str, Any]] = []
    held: list[str] = []
    for message in messages:
        if message["role"] == "system":
            held.append(message.get("content") or "")
            continue
        if held and message["role"] == "user":
            message = message | {"content": "\n\n".join([*held, message.get("content") or ""])}
        elif held:
            merged.append({"role": "user", "content": "\n\n".join(held)})
        held = []
        merged.append(message)
    return [*merged, {"role": "user", "content": "\n\n".join(held)}] if held else merged


def _with_objects(message: dict[str, Any]) -> dict[str, Any]:
    calls = [call | {"function": call["function"] | _arguments(call["function"])} for call in message["tool_calls"]]
    return message | {"tool_calls": calls}


def _arguments(function: dict[str, Any]) -> dict[str, Any]:
    try:
        read = json.loads(function["arguments"])
    except (TypeError, ValueError, RecursionError):
        return {}
    return {"arguments": read} if isinstance(read, dict) else {}


def prompt_completions(conversation: dict[str, Any], render: Render) -> list[Turn]:
    """The answers to learn; one of `weight` 0 is only context. ValueError where the template cannot be masked."""
    messages, tools = conversation["messages"], conversation.get("tools")
    turns = []
    for position, message in enumerate(messages):
        if message["role"] == "assistant" and message.get("weight") != 0:
            whole = render(messages[: position + 1], tools, False)
            prompt = _prompt_before(messages[:position], tools, whole, render)
            turns.append(Turn(position, prompt, whole[len(prompt) :]))
    return turns


def _prompt_before(
    history: list[dict[str, Any]], tools: list[dict[str, Any]] | None, whole: str, render: Render
) -> str:
    """The text before the answer that `whole` ends with: the history as the model sees it when it has to answer.

    A history of nothing is none that templates render, and some write an answer differently once another follows. Then
    it is what stands before the answer's own words.
    """
    if history:
        prompt = render(history, tools, True)
        if whole.startswith(prompt):
            return prompt
        if whole.startswith(render(history, tools, False)):
            raise ValueError("the chat template begins an answer otherwise than its generation prompt says")
    yes, no = (render([*history, {"role": "assistant", "content": words}], tools, False) for words in ("Yes", "no"))
    before = yes[: common_length(yes, no)]
    if not whole.startswith(before):
        raise ValueError("the chat template changes the history when an answer follows it")
    return before


def common_length(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    differing = (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differing, min(len(one), len(other)))


def has_trained_text(conversation: dict[str, Any], turns: Sequence[Turn], render: Render) -> bool:
    """Whether any of the conversation's `turns` teaches more than that the answer ends: white space is no text."""
    messages, tools = conversation["messages"], conversation.get("tools")
    for position, prompt, completion in turns:
        words = (messages[position].get("content") or "").strip()
        if words and words in completion:
            return True
        silent = render([*messages[:position], {"role": "assistant", "content": ""}], tools, False)
        if _visible(completion) != _visible(silent.removeprefix(prompt)):
            return True
    return False


def _visible(text: str) -> str:
    return "".join(text.split())


def last_request(messages: Sequence[dict[str, Any]], turn: int) -> str:
    """What the answer at `turn` replies to: the nearest user message before it."""
    requests = [message.get("content") or "" for message in messages[:turn] if message["role"] == "user"]
    return requests[-1] if requests else ""
