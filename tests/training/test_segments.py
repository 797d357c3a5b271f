from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.made_conversations import valid_conversations
from tests.training.templates import ANSWER, USER, refuses_system, render, said, thinks_last
from webapp.training.families import LearnedTexts, families, family_render
from webapp.training.segments import segments
from webapp.training.turns import prompt_completions, suited

SYSTEM = said("system", "s")


def shown(messages, by=render, tools=None):
    found, left_out = segments({"messages": messages, "tools": tools}, by)
    return [tuple(segment) for segment in found], left_out


def test_each_message_is_a_segment_and_answers_are_trained():
    assert shown([SYSTEM, USER, ANSWER, said("user", "r"), said("assistant", "b")])[0] == [
        ("<system>", None, False),
        ("s</>", "system", False),
        ("<user>q</>", "user", False),
        ("<assistant>", "assistant", False),
        ("a</>", "assistant", True),
        ("<user>r</>", "user", False),
        ("<assistant>", "assistant", False),
        ("b</>", "assistant", True),
    ]


def test_an_answer_of_weight_zero_is_the_assistants_and_not_trained():
    found, _ = shown([USER, ANSWER | {"weight": 0}, USER, said("assistant", "b")])
    assert ("a</>", "assistant", False) in found
    assert [text for text, _, trained in found if trained] == ["b</>"]


def test_an_answer_that_is_repeated_without_its_thought_is_shown_as_it_is_learned():
    found, _ = shown([USER, ANSWER, said("user", "r"), said("assistant", "b")], thinks_last)
    assert found[4:] == [
        ("<user>r</>", "user", False),
        ("<assistant>", "assistant", False),
        ("(thought)b</>", "assistant", True),
    ]
    assert found[3] == ("(thought)a</>", "assistant", True)
    without = shown([USER, ANSWER | {"weight": 0}, said("user", "r"), said("assistant", "b")], thinks_last)[0]
    assert without[3] == ("a</>", "assistant", False)


def test_messages_after_the_last_answer_that_is_learned_are_counted_only():
    assert shown([USER, ANSWER, USER, ANSWER | {"weight": 0}, USER]) == (shown([USER, ANSWER])[0], 3)


def test_a_system_prompt_that_is_merged_is_part_of_the_users_turn():
    found, _ = shown([SYSTEM, USER, ANSWER], suited(refuses_system))
    assert found[:2] == [("<user>", None, False), ("s\n\nq</>", "user", False)]


def test_an_answer_without_a_question_has_a_segment_too():
    assert shown([ANSWER])[0] == [("<assistant>", "assistant", False), ("a</>", "assistant", True)]


def calls_of(message):
    return {"tool_calls": message["tool_calls"]} if "tool_calls" in message else {}


@pytest.mark.parametrize("name", sorted(families()))
@settings(max_examples=100, deadline=None)
@given(conversation=valid_conversations)
def test_the_trained_segments_are_the_completions_whatever_the_conversation(name, conversation):
    by = family_render(families()[name])
    found, left_out = segments(conversation, by)
    turns = prompt_completions(conversation, by)
    assert [segment.text for segment in found if segment.trained] == [turn.completion for turn in turns]
    assert left_out == len(conversation["messages"]) - 1 - turns[-1].position
    unweighted = [said(one["role"], one["content"]) | calls_of(one) for one in conversation["messages"]]
    answers = prompt_completions(conversation | {"messages": unweighted}, by)
    if all(later.prompt.startswith(turn.prompt + turn.completion) for turn, later in pairwise(answers)):
        assert "".join(segment.text for segment in found) == turns[-1].prompt + turns[-1].completion


@pytest.mark.parametrize("name", sorted(families()))
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_learned_texts_are_the_completions_without_their_special_tokens(name, text):
    conversation = {"messages": [USER, said("assistant", text)]}
    (turn,) = prompt_completions(conversation, family_render(families()[name]))
    pieces, specials = LearnedTexts(name)(conversation)
    for token in families()[name].all_specials:
        assert not any(token in piece for piece in pieces)
    if not any(token in text for token in families()[name].all_specials):
        assert specials == 1
        assert "".join(pieces) == turn.completion.replace(families()[name].eos, "")


def test_learned_texts_can_be_sent_to_other_processes():
    import pickle

    assert pickle.loads(pickle.dumps(LearnedTexts("qwen3")))({"messages": [USER, ANSWER]}) == LearnedTexts("qwen3")(  # noqa: S301
        {"messages": [USER, ANSWER]}
    )


def test_of_a_very_long_conversation_the_answers_are_learned_as_without_a_template():
    messages = [USER, ANSWER] * 201
    assert LearnedTexts("qwen3")({"messages": messages}) == ([ANSWER["content"]] * 201, 0)
    assert LearnedTexts("qwen3")({"messages": messages[:400]})[1] == 200
    silenced = [*messages, USER, ANSWER | {"weight": 0}]
    assert len(LearnedTexts("qwen3")({"messages": silenced})[0]) == 201
