"""An Ollama Modelfile that renders chats as they were trained and stops where a turn ends."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2.exceptions import TemplateError

from webapp.training.turns import Render

SYSTEM = "tb-system-tb"  # texts that no template writes by itself
USER = "tb-user-tb"
ANSWER = "tb-answer-tb"
AGAIN = "tb-again-tb"


@dataclass(frozen=True)
class ChatPieces:
    """What a chat template writes around the texts of a chat, in order."""

    opening: str  # before the first user turn when there is no system prompt: a default one, or nothing
    system: str  # before a system prompt
    system_user: str  # between it and the first user's text
    user: str  # before any other user's text
    assistant: str  # between a user's text and an earlier answer
    end: str  # after an answer
    generation: str  # between the last user's text and the answer to be written

    def ollama_template(self) -> str:
        """The same as an Ollama template (Go's text/template over `.Messages`)."""
        opening = f"{{{{- if not .System }}}}{go_text(self.opening)}{{{{ end }}}}" if self.opening else ""
        return opening + (
            "{{- range $i, $_ := .Messages }}"
            f'{{{{- if eq .Role "system" }}}}{go_text(self.system)}{{{{ .Content }}}}{go_text(self.system_user)}'
            '{{- else if eq .Role "user" }}'
            f"{{{{- if or (ne $i 1) (not $.System) }}}}{go_text(self.user)}{{{{ end }}}}{{{{ .Content }}}}"
            f"{{{{- if eq (len (slice $.Messages $i)) 1 }}}}{go_text(self.generation)}{{{{ end }}}}"
            f"{{{{- else }}}}{go_text(self.assistant)}{{{{ .Content }}}}"
            f"{{{{- if gt (len (slice $.Messages $i)) 1 }}}}{go_text(self.end)}{{{{ end }}}}"
            "{{- end }}{{- end }}"
        )


def go_text(text: str) -> str:
    """The text as a string in an action, so that nothing in it is read as a template."""
    return f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}" if text else ""


def chat_pieces(render: Render, bos: str | None, stops: Sequence[str]) -> ChatPieces | None:
    """The pieces, found by rendering probes; None where the template is more than pieces around texts.

    llama.cpp writes the first token `bos` itself.
    """
    asked = {"role": "user", "content": USER}
    chat = [{"role": "system", "content": SYSTEM}, asked]
    more = [asked, {"role": "assistant", "content": ANSWER}, {"role": "user", "content": AGAIN}]
    try:
        with_system = cut(render(chat, None, True), (SYSTEM, USER))
        without = cut(render(more, None, True), (USER, ANSWER, AGAIN))
    except TemplateError:  # it takes no system prompt
        return None
    if not with_system or not without:
        return None
    system, system_user, generation = with_system
    opening, assistant, between, _ = without
    ends = [between.find(stop) + len(stop) for stop in stops if stop in between]
    end = between[: min(ends, default=0)]
    end += between[len(end) : len(between) - len(between[len(end) :].lstrip())]
    user = between[len(end) :]
    opening, system = (text.removeprefix(bos or "") for text in (opening, system))
    if not ends or not opening.endswith(user):
        return None
    opening = opening[: len(opening) - len(user)]
    return ChatPieces(opening, system, system_user, user, assistant, end, generation)


def cut(text: str, marks: Sequence[str]) -> list[str] | None:
    """The text between the marks, which must occur once each and in order."""
    parts = []
    for mark in marks:
        part, found, text = text.partition(mark)
        if not found or mark in text:
            return None
        parts.append(part)
    return [*parts, text]


def uses_tools(conversations: Sequence[dict[str, Any]]) -> bool:
    """Whether any conversation offers or calls tools, which pieces around texts cannot say."""
    return any(
        conversation.get("tools") or any(message.get("tool_calls") for message in conversation["messages"])
        for conversation in conversations
    )


def shared_system_prompt(conversations: Sequence[dict[str, Any]]) -> str | None:
    """The system prompt that all conversations begin with, if it is one and the same."""
    firsts = {
        first["content"] if first["role"] == "system" else None
        for first in (conversation["messages"][0] for conversation in conversations)
    }
    return firsts.pop() if len(firsts) == 1 else None


def modelfile(source: str, pieces: ChatPieces | None, stops: Sequence[str], system: str | None) -> str:
    """The Modelfile of the model at `source` (a path beside it), with every token that ends a turn as a stop.

    Without `pieces` Ollama takes the template that the GGUF file carries.
    """
    lines = [f"FROM {source}"]
    if pieces:
        lines.append(f'TEMPLATE """{pieces.ollama_template()}"""')
    if system and '"""' not in system:
        lines.append(f'SYSTEM """{system}"""')
    lines += [f"PARAMETER stop {json.dumps(stop, ensure_ascii=False)}" for stop in stops]
    return "\n".join(lines) + "\n"
