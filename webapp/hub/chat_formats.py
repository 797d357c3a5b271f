"""The chat format of a model that the catalogue does not have: its own template, or ChatML where it has none."""

from collections.abc import Iterator
from typing import Any

from webapp.errors import Problem
from webapp.hub.files import ModelFiles, named_templates, read_object
from webapp.training.families import Family, families

_MOST_CHARACTERS = 200_000  # a tenth of it is a long template
_END = "<|im_end|>"


def read_chat_format(files: ModelFiles, name: str) -> Family:
    """The family that the model is alone in. Its template is not run here, nor even compiled: it is a stranger's.

    A base model, which has no template, gets ChatML; where its tokenizer does not know ChatML's end of a turn, turns
    end with the model's own end of a text. Raises Problem `invalid_chat_template`.
    """
    tokenizer = read_object(files.read("tokenizer_config.json"))
    template = files.read("chat_template.jinja") or named_templates(tokenizer)
    if isinstance(template, dict):
        template = template.get("default")
    eos = _token(tokenizer.get("eos_token"))
    if template is None:
        return _chatml(tokenizer, eos)
    if not isinstance(template, str) or len(template) > _MOST_CHARACTERS:
        raise Problem(
            "invalid_chat_template",
            f"The chat template of {name} is no text of at most {_MOST_CHARACTERS:,} characters.",
            param="model_id",
        )
    if not eos:
        raise Problem("invalid_chat_template", f"The tokenizer of {name} names no eos_token.", param="model_id")
    return Family(
        name=name,
        chat_template=template,
        eos=eos,
        pad=_token(tokenizer.get("pad_token")) or eos,
        bos=_token(tokenizer.get("bos_token")),
        specials=tuple(token for token in _specials(tokenizer) if token in template),
    )


def _chatml(tokenizer: dict[str, Any], eos: str | None) -> Family:
    chatml = families()["chatml"]
    if eos is None or eos == _END or _END in _specials(tokenizer):
        return chatml
    return Family(
        name=chatml.name,
        chat_template=chatml.chat_template.replace(_END, eos),
        eos=eos,
        pad=_token(tokenizer.get("pad_token")) or eos,
        specials=chatml.specials,
    )


def _specials(tokenizer: dict[str, Any]) -> Iterator[str]:
    """The added tokens, as `added_tokens_decoder` lists them."""
    added = tokenizer.get("added_tokens_decoder")
    for entry in added.values() if isinstance(added, dict) else ():
        if token := _token(entry):
            yield token


def _token(entry: Any) -> str | None:
    """A token as a tokenizer_config.json writes it: a text, or an object with its `content`."""
    text = entry.get("content") if isinstance(entry, dict) else entry
    return text if isinstance(text, str) and text else None
