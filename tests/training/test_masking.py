import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.training.masking import IGNORED, build_rows, fit_length, last_request, prompt_completions, show_mask


def render(messages, tools, add_generation_prompt):
    text = "".join(f"<{m['role']}>{m.get('content') or ''}</>" for m in messages)
    return text + ("<assistant>" if add_generation_prompt else "")


def encode(text):
    return [ord(letter) for letter in text]


def decode(ids):
    return "".join(map(chr, ids))


USER, ANSWER = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}


def test_each_assistant_turn_is_a_row_whose_prompt_is_the_history():
    turns = prompt_completions({"messages": [USER, ANSWER, {"role": "user", "content": "r"}, ANSWER]}, render)
    assert turns == [
        (1, "<user>q</><assistant>", "a</>"),
        (3, "<user>q</><assistant>a</><user>r</><assistant>", "a</>"),
    ]


def test_a_turn_of_weight_zero_is_context_only():
    silent = ANSWER | {"weight": 0}
    assert [turn for turn, _, _ in prompt_completions({"messages": [USER, silent, USER, ANSWER]}, render)] == [3]


def test_a_template_that_rewrites_history_is_refused():
    def shifty(messages, tools, add_generation_prompt):
        return ("P" if add_generation_prompt else "W") + render(messages, tools, add_generation_prompt)

    with pytest.raises(ValueError, match="row 1: the chat template changes the history"):
        build_rows([{"messages": [USER, ANSWER]}], [0], shifty, encode, 100)


def test_labels_ignore_the_prompt_and_nothing_else():
    (row,) = build_rows([{"messages": [USER, ANSWER]}], [0], render, encode, 100)
    assert row.labels[: row.prompt_length] == [IGNORED] * row.prompt_length
    assert decode(row.labels[row.prompt_length :]) == "a</>"
    assert show_mask(row, decode) == "<user>q</><assistant>⟦a</>⟧"


def test_a_conversation_without_an_answer_is_named_by_its_row():
    with pytest.raises(ValueError, match="row 2 has no trained token"):
        build_rows([{"messages": [USER, ANSWER]}, {"messages": [USER]}], [0, 1], render, encode, 100)


@given(st.lists(st.integers(), min_size=1), st.lists(st.integers(), min_size=1), st.integers(2, 50))
def test_a_cut_row_fits_and_still_trains_something(prompt, completion, limit):
    ids, prompt_length, cut = fit_length(prompt, completion, limit)
    assert len(ids) <= limit
    assert 1 <= prompt_length < len(ids)
    assert prompt[-prompt_length:] == ids[:prompt_length]
    assert completion[: len(ids) - prompt_length] == ids[prompt_length:]
    assert cut == (len(prompt) + len(completion) > len(ids))


def test_the_request_of_an_answer_is_the_nearest_user_message():
    assert (
        last_request([{"role": "user", "content": "first"}, ANSWER, {"role": "tool", "content": "x"}, ANSWER], 3)
        == "first"
    )
    assert last_request([ANSWER], 0) == ""
