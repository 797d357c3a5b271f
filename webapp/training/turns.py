"""From a conversation to the texts that are learned: each answer of the assistant, after the history a model sees.

The loss mask is made from rendered text, so it needs no markers in the chat template and equals what the model sees
when it is used: prompt = the history rendered with the generation prompt, completion = what the answer adds to it.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

# render(messages, tools, add_generation_prompt) -> text
Render = Callable[[list[dict[str, Any]], list[dict[str, Any]] | None, bool], str]

_SYSTEM = "Words of a system prompt."
_REQUEST = "A request."
_FUNCTION = "name_of_a_function"
_SHORT_ID = 9  # characters, which Mistral's templates insist on


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
    twice. Where the template refuses or drops system prompts, they become part of the user's turn that follows. Where
    it refuses calls without words or with ids of any length, they get an empty text or other ids.
    """
    merging = not _takes_system(render)
    spoken, short = _form_of_calls(render)

    def rendered(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None, generation: bool) -> str:
        given = [_with_objects(message, spoken) if message.get("tool_calls") else message for message in messages]
        given = [_with_short_ids(message) for message in given] if short else given
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


def _form_of_calls(render: Render) -> tuple[bool, bool]:
    """Whether calls need an empty text in place of none (LFM2.5), and short ids (Mistral 7B), to be written."""
    forms = [(spoken, short) for short in (False, True) for spoken in (False, True)]
    return next((form for form in forms if _writes_calls(render, *form)), (False, False))


def _writes_calls(render: Render, spoken: bool, short: bool) -> bool:
    call = {"type": "function", "function": {"name": _FUNCTION, "arguments": {}}}
    asked = [{"role": "user", "content": _REQUEST}]
    forms = [
        {"role": "assistant", "content": "" if spoken else None, "tool_calls": [call | {"id": "a" * length}]}
        for length in ([_SHORT_ID] if short else [1, 24])
    ]
    try:
        return all(_FUNCTION in render([*asked, called], None, False) for called in forms)
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


def _with_objects(message: dict[str, Any], spoken: bool) -> dict[str, Any]:
    calls = [call | {"function": call["function"] | _arguments(call["function"])} for call in message["tool_calls"]]
    words = {"content": message.get("content") or ""} if spoken else {}
    return message | {"tool_calls": calls} | words


def _with_short_ids(message: dict[str, Any]) -> dict[str, Any]:
    """The message with ids of nine characters, the same for a call and its result."""
    if message["role"] == "tool":
        return message | {"tool_call_id": _short_id(message.get("tool_call_id"))}
    if calls := message.get("tool_calls"):
        return message | {"tool_calls": [call | {"id": _short_id(call.get("id"))} for call in calls]}
    return message


def _short_id(given: str | None) -> str:
    text = given or ""
    return text if len(text) == _SHORT_ID else hashlib.sha256(text.encode()).hexdigest()[:_SHORT_ID]


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
            _require_calls(message, turns[-1].completion)
    return turns


def _require_calls(message: dict[str, Any], completion: str) -> None:
    """ValueError where the template leaves a call out: the model would learn to say nothing in its place."""
    for call in message.get("tool_calls") or []:
        name = call["function"]["name"]
        if any(word not in completion for word in re.findall(r"\w+", name)):  # quotes may be escaped
            raise ValueError(f"the chat template leaves out the call of {name}: choose a model that calls tools")


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
