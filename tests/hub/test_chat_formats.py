"""The chat format of a model that the catalogue does not have is its tokenizer's own, or ChatML for a base model."""

from typing import Any

import pytest

from tests.hub.conftest import Hub
from webapp.errors import Problem
from webapp.hub import choose_model
from webapp.settings import Settings
from webapp.training.families import Family, families, family_render

TEMPLATE = "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{{ eos_token }}{% endfor %}"
TOKENIZER = {
    "bos_token": "<s>",
    "eos_token": {"content": "</s>", "lstrip": False},
    "added_tokens_decoder": {"0": {"content": "<|user|>"}, "1": {"content": "<|reserved_7|>"}},
    "chat_template": TEMPLATE.replace("m.role", "'user'") + "<|user|>",
}


def chat_format(hub: Hub, settings: Settings, **files: Any) -> Family:
    hub.publish(**files)
    found = choose_model("hf:Qwen/Qwen3-14B", settings).own_format()
    assert found
    return found


def test_the_template_of_the_tokenizer_is_taken_with_its_special_tokens(hub: Hub, settings: Settings) -> None:
    found = chat_format(hub, settings, tokenizer_config__json=TOKENIZER)
    assert found.name == "Qwen/Qwen3-14B"
    assert (found.bos, found.eos, found.pad) == ("<s>", "</s>", "</s>")
    assert found.specials == ("<|user|>",)
    assert family_render(found)([{"role": "user", "content": "Ahoy"}], None, False) == "<s><|user|>Ahoy</s><|user|>"


def test_a_template_file_of_its_own_comes_first(hub: Hub, settings: Settings) -> None:
    found = chat_format(hub, settings, tokenizer_config__json=TOKENIZER, chat_template__jinja=TEMPLATE.encode())
    assert found.chat_template == TEMPLATE


def test_of_several_templates_it_is_the_one_for_chats(hub: Hub, settings: Settings) -> None:
    several = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": TEMPLATE}]
    assert (
        chat_format(hub, settings, tokenizer_config__json=TOKENIZER | {"chat_template": several}).chat_template
        == TEMPLATE
    )


def test_a_base_model_is_taught_chatml_that_ends_as_its_own_texts_do(hub: Hub, settings: Settings) -> None:
    found = chat_format(hub, settings, tokenizer_config__json={"eos_token": "<|endoftext|>"})
    written = family_render(found)([{"role": "user", "content": "Ahoy"}], None, True)
    assert found.name == "chatml"
    assert written == "<|im_start|>user\nAhoy<|endoftext|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize(
    "tokenizer",
    [{"eos_token": "<|endoftext|>", "added_tokens_decoder": {"5": {"content": "<|im_end|>"}}}, {}],
    ids=["it knows ChatML", "nothing is known"],
)
def test_a_base_model_that_knows_chatml_gets_all_of_it(hub: Hub, settings: Settings, tokenizer: dict[str, Any]) -> None:
    assert chat_format(hub, settings, tokenizer_config__json=tokenizer) == families()["chatml"]


def test_what_was_fetched_or_is_not_there_is_not_asked_again(hub: Hub, settings: Settings) -> None:
    first = chat_format(hub, settings, tokenizer_config__json=TOKENIZER)
    asked = len(hub.asked)
    assert asked == 4
    assert chat_format(hub, settings) == first
    assert len(hub.asked) == asked


@pytest.mark.parametrize(
    ("tokenizer", "said"),
    [
        (TOKENIZER | {"chat_template": 5}, "is no text"),
        (TOKENIZER | {"chat_template": "x" * 200_001}, "is no text"),
        (TOKENIZER | {"eos_token": None}, "no eos_token"),
        (TOKENIZER | {"eos_token": 7}, "no eos_token"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused(
    hub: Hub, settings: Settings, tokenizer: dict[str, Any], said: str
) -> None:
    with pytest.raises(Problem, match=said) as caught:
        chat_format(hub, settings, tokenizer_config__json=tokenizer)
    assert caught.value.code == "invalid_chat_template"


@pytest.mark.parametrize("added", [[], 5, {"0": 7}, {"0": {"content": []}}])
def test_added_tokens_of_another_form_are_none(hub: Hub, settings: Settings, added: Any) -> None:
    found = chat_format(hub, settings, tokenizer_config__json=TOKENIZER | {"added_tokens_decoder": added})
    assert found.specials == ()
