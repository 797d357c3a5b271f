from dataclasses import replace

import pytest
import torch

from webapp.catalog.models import models
from webapp.training.answering import (
    Answer,
    answer_rows,
    end_of_turn_alarm,
    end_tokens,
    pad_left,
    prompt_of,
    read_answer,
    spread,
)
from webapp.training.families import families
from webapp.training.masking import Row, build_rows, tokenizer_encode
from webapp.training.model import find_hardware, load_model, load_tokenizer
from webapp.training.turns import tokenizer_render


def prepare(entry, miniature_of, run_config, conversations):
    config = run_config(miniature_of(entry))
    tokenizer = load_tokenizer(config)
    render = tokenizer_render(tokenizer)
    rows = build_rows(conversations, range(10), render, tokenizer_encode(tokenizer), config.max_seq_length)
    return load_model(config, find_hardware()), tokenizer, render, rows


def test_answers_together_are_the_answers_alone(distinct_model, miniature_of, run_config, conversations):
    model, tokenizer, render, rows = prepare(distinct_model, miniature_of, run_config, conversations)
    ends = end_tokens(model, tokenizer, render)
    assert len({row.prompt_length for row in rows}) > 3
    together = answer_rows(model, tokenizer, rows, ends, 12, find_hardware())
    assert together == [answer_rows(model, tokenizer, [row], ends, 12, find_hardware())[0] for row in rows]
    assert any(answer.text for answer in together)
    assert not any(token in answer.text for answer in together for token in tokenizer.all_special_tokens)


def test_out_of_memory_changes_no_answer(miniature_of, run_config, conversations, llama, monkeypatch, capsys):
    model, tokenizer, render, rows = prepare(llama, miniature_of, run_config, conversations)
    asked = (tokenizer, rows, end_tokens(model, tokenizer, render), 12, find_hardware())
    expected = answer_rows(model, *asked)
    real = model.generate

    def limited(input_ids, **options):
        if len(input_ids) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(input_ids=input_ids, **options)

    monkeypatch.setattr(model, "generate", limited)
    capsys.readouterr()
    assert answer_rows(model, *asked) == expected
    assert (
        "out of memory: 8 rows at a time become 4\nout of memory: 4 rows at a time become 2" in capsys.readouterr().out
    )


def test_answers_are_greedy_whatever_the_model_asks_for(miniature_of, run_config, conversations, llama):
    """Qwen2.5's generation_config.json has a penalty for tokens that are in the prompt already, labels among them."""
    model, tokenizer, render, rows = prepare(llama, miniature_of, run_config, conversations)
    asked = (tokenizer, rows, end_tokens(model, tokenizer, render), 12, find_hardware())
    expected = answer_rows(model, *asked)
    model.generation_config.repetition_penalty = 5.0
    assert answer_rows(model, *asked) == expected


def test_the_ends_are_the_templates_the_tokenizers_and_the_models(miniature_of, run_config, conversations, llama):
    model, tokenizer, render, _ = prepare(llama, miniature_of, run_config, conversations)
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, 7]
    assert end_tokens(model, tokenizer, render) == [tokenizer.eos_token_id, 7]
    model.generation_config.eos_token_id = None
    tokenizer.eos_token = "<|begin_of_text|>"
    named = tokenizer.convert_ids_to_tokens(end_tokens(model, tokenizer, render))
    assert named == ["<|eot_id|>", "<|begin_of_text|>"]


def test_every_familys_own_end_of_turn_is_found(miniature_of, run_config, conversations, distinct_model):
    model, tokenizer, render, _ = prepare(distinct_model, miniature_of, run_config, conversations)
    assert families()[distinct_model.template_family].eos in tokenizer.convert_ids_to_tokens(
        end_tokens(model, tokenizer, render)
    )


def test_an_answer_stops_at_the_first_end(miniature_of, run_config, conversations, llama):
    _, tokenizer, _, _ = prepare(llama, miniature_of, run_config, conversations)
    end = tokenizer.eos_token_id
    words = tokenizer("fair winds", add_special_tokens=False)["input_ids"]
    thought = tokenizer("<think>\n\n</think>\n\n", add_special_tokens=False)["input_ids"]
    assert read_answer([*thought, *words, end, *words], tokenizer, [end]) == Answer("fair winds", True)
    assert read_answer(words, tokenizer, [end]) == Answer("fair winds", False)


def test_a_thought_that_the_prompt_begins_is_no_part_of_the_answer(miniature_of, run_config, conversations, llama):
    """As with Qwen3.5 from 4B on: its generation prompt ends with `<think>`, and a trained model ends the thought."""
    _, tokenizer, _, _ = prepare(llama, miniature_of, run_config, conversations)
    prompt = "<|im_start|>assistant\n<think>\n"
    completion = "<|im_start|>assistant\n<think>\n\n</think>\n\nfair winds".removeprefix(prompt)
    written = tokenizer(completion, add_special_tokens=False)["input_ids"]
    assert read_answer(written, tokenizer, []).text == "fair winds"


@pytest.mark.parametrize(
    ("prompt", "thought", "answer"),
    [
        ("<|im_start|>assistant\n", "<think>\n\n</think>\n\n", "fair winds"),
        ("<|im_start|>assistant\n<think>\n", "\n</think>\n\n", "fair winds"),
        ("<|im_start|>assistant\n", "", "fair winds"),
        ("<|im_start|>assistant\n", "", "<think>\nWinds?\n</think>\n\nfair"),
        ("<|im_start|>assistant\n", "", "the tag </think> ends it"),
    ],
)
def test_the_empty_thought_before_an_answer_is_asked_with(
    miniature_of, run_config, conversations, llama, prompt, thought, answer
):
    _, tokenizer, _, _ = prepare(llama, miniature_of, run_config, conversations)
    pieces = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in (prompt, thought, answer)]
    row = Row(0, 1, [*pieces[0], *pieces[1], *pieces[2], tokenizer.eos_token_id], len(pieces[0]), False)
    assert tokenizer.decode(prompt_of(row, tokenizer)) == prompt + thought
    assert row.input_ids[: len(pieces[0]) + len(pieces[1])] == prompt_of(row, tokenizer)


def test_a_model_that_thinks_is_asked_not_to(miniature_of, run_config, conversations, monkeypatch):
    qwen = next(entry for entry in models() if entry.id == "qwen3-0.6b")
    model, tokenizer, render, rows = prepare(qwen, miniature_of, run_config, conversations)
    seen, real = [], model.generate
    monkeypatch.setattr(model, "generate", lambda input_ids, **more: seen.extend(input_ids) or real(input_ids, **more))
    answer_rows(model, tokenizer, rows[:2], end_tokens(model, tokenizer, render), 4, find_hardware())
    assert all(tokenizer.decode(ids).endswith("<think>\n\n</think>\n\n") for ids in seen)


def test_prompts_are_padded_on_the_left_and_the_padding_is_masked():
    batch = pad_left([[5, 6, 7], [8]], "cpu")
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]
    assert batch["input_ids"][:, -1].tolist() == [7, 8]


def test_the_prompts_are_spread_over_the_held_out_rows():
    assert spread(10, 4) == [0, 2, 5, 7]
    assert spread(3, 8) == [0, 1, 2]
    assert spread(3, 0) == []


@pytest.mark.parametrize(
    ("ended", "lengths", "code"),
    [
        ([False, False], [5, 6], "no_end_of_turn"),
        ([False, True], [5, 6], None),
        ([False, False], [50, 60], None),  # their references are longer than the limit
        ([False, True], [5, 60], "no_end_of_turn"),
        ([], [], None),
    ],
)
def test_answers_that_never_end_raise_an_alarm(ended, lengths, code):
    row = Row(0, 1, [], 3, False)
    rows = [replace(row, input_ids=[0] * (3 + length)) for length in lengths]
    alarm = end_of_turn_alarm(rows, [Answer("x", value) for value in ended], 10)
    assert (alarm and alarm.code) == code
