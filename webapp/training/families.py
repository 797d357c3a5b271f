"""The chat formats of the model families: their special tokens, and rendering without any model library."""

import json
import re
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from webapp.training.turns import Render, prompt_completions, suited

FOLDER = Path(__file__).with_name("chat_templates")


@dataclass(frozen=True)
class Family:
    """A chat format: the Jinja source as a tokenizer would carry it, and the tokens it uses."""

    name: str
    chat_template: str
    eos: str
    pad: str
    bos: str | None = None
    specials: tuple[str, ...] = field(default=())

    @property
    def named_tokens(self) -> dict[str, str]:
        """The special tokens a template sees as variables, as transformers passes them."""
        named = {"eos_token": self.eos, "pad_token": self.pad}
        return named | ({"bos_token": self.bos} if self.bos else {})

    @property
    def standalone_template(self) -> str:
        """The Jinja source with the family's tokens set before it, so that it writes the same for any tokenizer."""
        return _set_variables({"bos_token": self.bos or ""} | self.named_tokens) + self.chat_template

    @property
    def all_specials(self) -> list[str]:
        """Every special token, once, in a fixed order."""
        return list(dict.fromkeys([*([self.bos] if self.bos else []), self.pad, self.eos, *self.specials]))


@cache
def families() -> Mapping[str, Family]:
    """All families by name, from chat_templates/families.toml."""
    entries = tomllib.loads((FOLDER / "families.toml").read_text(encoding="utf-8"))
    return {name: _family(name, **entry) for name, entry in entries.items()}


def _family(
    name: str, template: str, specials: list[str], settings: Mapping[str, str] | None = None, **tokens: str
) -> Family:
    source = _set_variables(settings or {}) + (FOLDER / template).read_text(encoding="utf-8").removesuffix("\n")
    return Family(name=name, chat_template=source, specials=tuple(specials), **tokens)


def family_from(data: Mapping[str, Any]) -> Family:
    """The family that `dataclasses.asdict` wrote, perhaps as JSON."""
    return Family(**{**data, "specials": tuple(data["specials"])})


def _set_variables(values: Mapping[str, str]) -> str:
    return "".join(f"{{%- set {name} = {json.dumps(value)} %}}\n" for name, value in values.items())


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)


class _Generation(Extension):
    """`{% generation %}`, by which templates mark what the assistant writes; the mask is not made from it."""

    tags = {"generation"}  # noqa: RUF012 (as jinja2 has it)

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_written"), [], [], body).set_lineno(line)

    def _written(self, caller: Callable[[], str]) -> str:
        return caller()


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    """Jinja set up as transformers sets it up for chat templates (its `tojson` does not escape HTML)."""
    extensions = [loopcontrols, _Generation]
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=extensions)
    environment.filters["tojson"] = _tojson
    environment.globals.update(raise_exception=_raise_exception, strftime_now=time.strftime)
    return environment


@cache
def family_render(family: Family) -> Render:
    """The family's `render` function: the same bytes as `tokenizer_render` of a tokenizer with its template."""
    template = _environment().from_string(family.chat_template)

    def render(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None, add_generation_prompt: bool) -> str:
        return template.render(
            messages=messages, tools=tools, add_generation_prompt=add_generation_prompt, **family.named_tokens
        )

    return suited(render)


_MOST_MESSAGES = 400  # each answer is rendered with all before it: time grows with the square of their number


@dataclass(frozen=True)
class LearnedTexts:
    """What a model of the family `name` learns of a conversation; can be sent to other processes."""

    name: str

    def __call__(self, conversation: dict[str, Any]) -> tuple[list[str], int]:
        """The answers as the template writes them, in pieces, and how many special tokens are between the pieces.

        Of a conversation of more than 400 messages it is their contents only, as without a template.
        """
        if len(conversation["messages"]) > _MOST_MESSAGES:
            return _contents(conversation["messages"]), 0
        turns = prompt_completions(conversation, family_render(families()[self.name]))
        pieces = [piece for turn in turns for piece in _special_tokens(self.name).split(turn.completion)]
        return [piece for piece in pieces if piece], len(pieces) - len(turns)


def _contents(messages: list[dict[str, Any]]) -> list[str]:
    answers = [one for one in messages if one["role"] == "assistant" and one.get("weight") != 0]
    return [answer["content"] for answer in answers if answer.get("content")]


@cache
def _special_tokens(name: str) -> re.Pattern[str]:
    longest_first = sorted(families()[name].all_specials, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)))
