import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.templates import ANSWER, USER, decode, encode, opens_otherwise, render, said, thinks_last
from webapp.catalog import find_model
from webapp.training.evaluation import held_out_loss
from webapp.training.masking import IGNORED, Row, build_rows, fit_length, tokenizer_encode
from webapp.training.model import find_hardware, load_model, load_tokenizer
from webapp.training.turns import tokenizer_render

TWO_TURNS = {"messages": [USER, ANSWER, said("user", "r"), said("assistant", "b")]}


def trained_text(row):
    return decode([label for label in row.labels if label != IGNORED])


def test_labels_ignore_the_prompt_and_nothing_else():
    (row,) = build_rows([{"messages": [USER, ANSWER]}], [0], render, encode, 100)
    assert row.labels[: row.prompt_length] == [IGNORED] * row.prompt_length
    assert decode(row.labels[row.prompt_length :]) == "a</>"
    assert row.trained == len("a</>")


def test_each_answer_is_a_row_of_its_own_by_default():
    rows = build_rows([TWO_TURNS], [0], render, encode, 100)
    assert [(row.turn, trained_text(row)) for row in rows] == [(1, "a</>"), (3, "b</>")]


def test_together_all_answers_of_a_conversation_are_trained_in_one_row():
    apart = build_rows([TWO_TURNS], [0], render, encode, 100)
    (row,) = build_rows([TWO_TURNS], [0], render, encode, 100, "together")
    assert decode(row.input_ids) == render(TWO_TURNS["messages"], None, False)
    assert trained_text(row) == "a</>b</>"
    assert (row.turn, row.cut) == (3, False)
    assert decode(row.input_ids[row.prompt_length :]) == "b</>"
    assert row.trained == sum(one.trained for one in apart)


def test_an_answer_of_weight_zero_is_not_trained_in_a_joined_row_either():
    messages = [USER, ANSWER | {"weight": 0}, USER, said("assistant", "b"), USER, said("assistant", "c")]
    (row,) = build_rows([{"messages": messages}], [0], render, encode, 200, "together")
    assert trained_text(row) == "b</>c</>"


def test_together_answers_stay_apart_where_the_template_writes_earlier_ones_differently():
    apart = build_rows([TWO_TURNS], [0], thinks_last, encode, 100)
    assert build_rows([TWO_TURNS], [0], thinks_last, encode, 100, "together") == apart
    assert len(apart) == 2


def test_together_no_answer_is_lost_to_the_length():
    length = len(render(TWO_TURNS["messages"], None, False))
    assert len(build_rows([TWO_TURNS], [0], render, encode, length, "together")) == 1
    assert len(build_rows([TWO_TURNS], [0], render, encode, length - 1, "together")) == 2


def test_the_first_token_of_a_row_is_not_counted():
    assert Row(0, 0, [1, 2, 3], 0, False).trained == 2


@pytest.mark.parametrize(
    ("messages", "template", "reason"),
    [
        ([USER], render, "row 2 has no trained text"),
        ([USER, said("assistant", " ")], render, "row 2 has no trained text"),
        ([USER, ANSWER], opens_otherwise, "row 1: the chat template begins an answer otherwise"),
        ([USER, ANSWER], lambda *_: 1 / 0, "row 1: division by zero"),
    ],
)
def test_a_conversation_that_cannot_be_trained_is_named_by_its_row(messages, template, reason):
    with pytest.raises(ValueError, match=reason):
        build_rows([{"messages": [USER, ANSWER]}, {"messages": messages}], [0, 1], template, encode, 100)


@given(st.lists(st.integers(), min_size=1), st.lists(st.integers(), min_size=1), st.integers(2, 50))
def test_a_cut_row_fits_and_still_trains_something(prompt, completion, limit):
    ids, prompt_length, cut = fit_length(prompt, completion, limit)
    assert len(ids) <= limit
    assert 1 <= prompt_length < len(ids)
    assert prompt[-prompt_length:] == ids[:prompt_length]
    assert completion[: len(ids) - prompt_length] == ids[prompt_length:]
    assert cut == (len(prompt) + len(completion) > len(ids))


@pytest.mark.parametrize("name", ["llama-3.2-1b", "smollm2-360m", "ministral-3-3b"])
def test_joined_rows_cost_what_separate_rows_cost(name, miniature_of, run_config, conversations, tool_conversation):
    config = run_config(miniature_of(find_model(name)))
    tokenizer, hardware = load_tokenizer(config), find_hardware()
    model = load_model(config, hardware)
    render, ids = tokenizer_render(tokenizer), tokenizer_encode(tokenizer)
    several = [*[one for one in conversations if len(one["messages"]) > 3][:8], tool_conversation]
    apart, joined = (build_rows(several, range(9), render, ids, 2_000, how) for how in ("separate", "together"))
    assert (len(apart), len(joined)) == (18, 9)
    assert sum(row.trained for row in apart) == sum(row.trained for row in joined)
    losses = [held_out_loss(model, rows, tokenizer.pad_token_id, hardware, 4) for rows in (apart, joined)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
