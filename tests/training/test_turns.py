import pytest

from tests.training.templates import (
    ANSWER,
    USER,
    drops_system,
    opens_otherwise,
    refuses_system,
    render,
    said,
    system_while_last,
    thinks_last,
)
from webapp.training.turns import (
    common_length,
    has_trained_text,
    last_request,
    merge_system,
    prompt_completions,
    suited,
    system_is_merged,
)

SYSTEM = said("system", "s")


def learned(messages, by=render):
    conversation = {"messages": messages}
    return has_trained_text(conversation, prompt_completions(conversation, by), by)


def test_each_assistant_turn_follows_its_history():
    turns = prompt_completions({"messages": [USER, ANSWER, said("user", "r"), ANSWER]}, render)
    assert turns == [
        (1, "<user>q</><assistant>", "a</>"),
        (3, "<user>q</><assistant>a</><user>r</><assistant>", "a</>"),
    ]


def test_a_turn_of_weight_zero_is_context_only():
    silent = ANSWER | {"weight": 0}
    turns = prompt_completions({"messages": [USER, silent, USER, ANSWER]}, render)
    assert turns == [(3, "<user>q</><assistant>a</><user>q</><assistant>", "a</>")]


def test_an_answer_that_nothing_precedes_needs_no_rendering_of_nothing():
    assert prompt_completions({"messages": [ANSWER]}, thinks_last) == [(0, "<assistant>(thought)", "a</>")]


def test_history_that_an_answer_changes_is_the_one_before_the_answers_own_words():
    turns = prompt_completions({"messages": [USER, ANSWER, said("assistant", "b")]}, thinks_last)
    assert turns == [
        (1, "<user>q</><assistant>", "(thought)a</>"),
        (2, "<user>q</><assistant>a</><assistant>(thought)", "b</>"),
    ]


def test_a_template_that_begins_answers_otherwise_than_its_generation_prompt_is_refused():
    with pytest.raises(ValueError, match="begins an answer otherwise"):
        prompt_completions({"messages": [USER, ANSWER]}, opens_otherwise)


def test_arguments_reach_the_template_as_objects_and_nothing_given_is_changed():
    seen = []
    call = {"type": "function", "function": {"name": "f", "arguments": '{"b": [1, "é"]}'}}
    odd = {"type": "function", "function": {"name": "g", "arguments": "no JSON"}}
    message = said("assistant", "", tool_calls=[call, odd])
    suited(lambda messages, *_: seen.append(messages) or str(messages))([USER, message], None, False)
    functions = [item["function"] for item in seen[-1][1]["tool_calls"]]
    assert functions == [{"name": "f", "arguments": {"b": [1, "é"]}}, {"name": "g", "arguments": "no JSON"}]
    assert call["function"]["arguments"] == '{"b": [1, "é"]}'


@pytest.mark.parametrize("template", [refuses_system, drops_system, system_while_last])
def test_a_system_prompt_that_a_template_does_not_take_begins_the_users_turn(template):
    made = suited(template)
    assert made([SYSTEM, USER], None, True) == "<user>s\n\nq</><assistant>"
    assert system_is_merged(made)


def test_a_system_prompt_that_goes_when_an_answer_follows_is_learned_with_all_the_same():
    messages = [SYSTEM, USER, ANSWER, said("user", "r"), ANSWER]
    assert prompt_completions({"messages": messages}, suited(system_while_last)) == [
        (2, "<user>s\n\nq</><assistant>", "a</>"),
        (4, "<user>s\n\nq</><assistant>a</><user>r</><assistant>", "a</>"),
    ]


def calls_like(allowed):
    """A template that refuses calls unless their message's content and id are `allowed`."""

    def template(messages, tools, add_generation_prompt):
        ids = []
        for message in messages:
            for call in message.get("tool_calls", []):
                if not allowed(message["content"], call["id"]):
                    raise RuntimeError("Tool call IDs should be alphanumeric strings with length 9!")
                ids += [call["id"], call["function"]["name"]]
            ids += [message["tool_call_id"]] if message["role"] == "tool" else []
        return " ".join(ids)

    return template


@pytest.mark.parametrize(
    ("allowed", "number"),
    [
        (lambda content, _: content is None, "call_1"),
        (lambda content, _: content is not None, "call_1"),  # as LFM2.5
        (lambda _, number: len(number) == 9, None),  # as Mistral 7B
        (lambda _, number: len(number) >= 9, None),  # as Mistral Small
        (lambda content, number: content == "" and len(number) == 9, None),
    ],
)
def test_calls_are_given_as_the_template_takes_them(allowed, number):
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [USER, said("assistant", None, tool_calls=[call]), said("tool", "r", tool_call_id="call_1")]
    called, name, answered = suited(calls_like(allowed))(messages, None, True).split()
    assert called == answered
    assert name == "f"
    assert called == number or (number is None and len(called) == 9)


def test_calls_without_ids_get_one_where_the_template_wants_it():
    call = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [USER, said("assistant", None, tool_calls=[call]), said("tool", "r")]
    called, _, answered = suited(calls_like(lambda _, number: len(number) == 9))(messages, None, True).split()
    assert called == answered


def test_a_call_that_the_template_leaves_out_is_refused():
    """The model would learn to say nothing in its place."""
    called = said("assistant", "", tool_calls=[{"function": {"name": "f", "arguments": "{}"}}])
    with pytest.raises(ValueError, match="leaves out the call of f"):
        prompt_completions({"messages": [USER, called, ANSWER]}, suited(render))


def test_a_template_that_writes_no_calls_is_given_them_as_they_are():
    """A text in place of none would make it learn to say nothing, where it refuses now."""
    seen = []
    called = said("assistant", None, tool_calls=[{"id": "1", "function": {"name": "f", "arguments": {}}}])
    suited(lambda messages, *_: seen.append(messages) or "")([USER, called], None, False)
    assert seen[-1][1]["content"] is None


def test_a_template_with_a_system_role_keeps_it():
    assert suited(render)([SYSTEM, USER], None, False) == "<system>s</><user>q</>"
    assert not system_is_merged(suited(render))


def test_system_prompts_go_to_the_turn_after_them_or_become_one():
    assert merge_system([SYSTEM, SYSTEM, USER]) == [said("user", "s\n\ns\n\nq")]
    assert merge_system([SYSTEM, ANSWER, USER]) == [said("user", "s"), ANSWER, USER]
    assert merge_system([USER, ANSWER, SYSTEM, USER]) == [USER, ANSWER, said("user", "s\n\nq")]
    assert merge_system([USER, SYSTEM]) == [USER, said("user", "s")]


def test_merged_system_prompts_leave_every_prompt_a_beginning_of_what_follows():
    messages = [SYSTEM, ANSWER, USER, ANSWER, SYSTEM, ANSWER, SYSTEM, USER, ANSWER]
    turns = prompt_completions({"messages": messages}, suited(refuses_system))
    assert [turn.completion for turn in turns] == ["a</>"] * 4


@pytest.mark.parametrize("template", [render, thinks_last])
def test_white_space_teaches_nothing_and_a_word_does(template):
    assert learned([USER, said("assistant", " "), USER, ANSWER], template)
    assert not learned([USER, said("assistant", " \n")], template)
    assert not learned([USER, ANSWER | {"weight": 0}, USER, said("assistant", "\t")], template)
    assert not learned([USER], template)


def test_what_a_template_leaves_out_is_not_learned():
    assert not learned([USER, ANSWER], lambda *given: render(*given).replace("a</>", "</>"))


def test_the_request_of_an_answer_is_the_nearest_user_message():
    messages = [said("user", "first"), ANSWER, said("tool", "x"), ANSWER]
    assert last_request(messages, 3) == "first"
    assert last_request([ANSWER], 0) == ""


@pytest.mark.parametrize(
    ("one", "other", "length"), [("", "a", 0), ("ab", "ab", 2), ("abc", "abd", 2), ("ab", "abc", 2)]
)
def test_the_common_beginning_of_two_texts(one, other, length):
    assert common_length(one, other) == length
