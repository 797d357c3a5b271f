from dataclasses import replace

import pytest

from webapp.catalog import models
from webapp.training.families import families, family_render
from webapp.training.turns import prompt_completions, tokenizer_render


def test_every_catalogue_model_has_its_family():
    assert {model.template_family for model in models()} == set(families())


@pytest.mark.parametrize("name", sorted(families()))
def test_rendering_equals_transformers_byte_for_byte(name, conversations, tool_conversation):
    from webapp.training.miniature import make_tokenizer

    family = families()[name]
    ours = family_render(family)
    theirs = tokenizer_render(make_tokenizer(family, conversations))
    for conversation in [*conversations, tool_conversation]:
        for generation in (True, False):
            arguments = conversation["messages"], conversation.get("tools"), generation
            assert ours(*arguments) == theirs(*arguments)


@pytest.mark.parametrize(
    "template",
    [
        # As in SmolLM3's and LFM2.5's own templates.
        "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{% set said = m.content | trim %}"
        "{{ said }}{{ eos_token }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{{ said }}\n{% endfor %}",
        "{{ strftime_now('%Y') }}: {{ messages[0].content }}",
    ],
)
def test_whatever_transformers_gives_templates_is_there(template, conversations):
    from webapp.training.miniature import make_tokenizer

    family = replace(families()["chatml"], chat_template=template)
    theirs = tokenizer_render(make_tokenizer(family, conversations))
    for conversation in conversations[:5]:
        assert family_render(family)(conversation["messages"], None, True) == theirs(
            conversation["messages"], None, True
        )


@pytest.mark.parametrize("name", sorted(families()))
def test_every_answer_is_what_the_prompt_is_continued_with(name, conversations, tool_conversation):
    family = families()[name]
    for conversation in [*conversations, tool_conversation]:
        for turn, prompt, completion in prompt_completions(conversation, family_render(family)):
            assert (conversation["messages"][turn]["content"] or "bike_status") in completion
            assert family.eos in completion
            assert prompt
