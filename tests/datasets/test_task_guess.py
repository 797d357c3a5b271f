"""The task that data seems to be for: small datasets and the task each must give."""

import io
import json
import random
from typing import Any

import pytest

from tests.datasets.lines import ANSWER, asked, called, line
from webapp.datasets import analyze, sample_path
from webapp.datasets.report import Characteristics, TaskGuess
from webapp.datasets.task_guess import guess_task

LABELS = ("billing", "refund", "other")
LONG = "Once upon a time there was a harbour full of bicycles. "


def statement(number: int) -> dict[str, Any]:
    return {"role": "user", "content": f"Write down that bike {number} is back."}


def question(number: int) -> dict[str, Any]:
    return {"role": "user", "content": f"Where is bike {number}?"}


def answer(number: int) -> dict[str, Any]:
    return {"role": "assistant", "content": f"Bike {number} stands at the harbour, by gate {number}."}


DATASETS = {
    "a few labels": ("classification", [asked(f"Ticket {n}: it is broken.", LABELS[n % 3]) for n in range(60)]),
    "a few labels of questions": ("classification", [asked(f"Is ticket {n} open?", "yes") for n in range(60)]),
    "JSON": ("extraction", [asked(f"Ticket {n}: broken.", json.dumps({"bike": n})) for n in range(60)]),
    "the same JSON again and again": ("extraction", [asked(f"Ticket {n}.", '{"open":true}') for n in range(60)]),
    "questions": ("question_answering", [line(question(n), answer(n)) for n in range(60)]),
    "questions beyond Latin": ("question_answering", [asked(f"自転車{n}はどこ？", f"門{n}です。") for n in range(60)]),
    "statements": ("instruction_following", [line(statement(n), answer(n)) for n in range(60)]),
    "calls of tools": ("instruction_following", [line(statement(n), called()) for n in range(60)]),
    "calls and a short word": (
        "instruction_following",
        [line(statement(n), called(), {"role": "tool", "content": "5"}, ANSWER) for n in range(60)],
    ),
    "several turns": (
        "conversation",
        [line(question(n), answer(n), statement(n), ANSWER, question(-n), answer(-n)) for n in range(60)],
    ),
    "texts without a prompt": (
        "text_generation",
        [line({"role": "assistant", "content": f"{LONG}Part {n}."}) for n in range(60)],
    ),
    "long answers": ("text_generation", [asked(f"Tell story {n}.", f"{n} {LONG * 30}") for n in range(60)]),
    "too few to tell labels": ("instruction_following", [asked(f"Ticket {n}.", "other") for n in range(19)]),
}


@pytest.mark.parametrize("name", DATASETS)
def test_the_task(name: str) -> None:
    task, lines = DATASETS[name]
    found = analyze(io.BytesIO(b"\n".join(lines))).task_guess
    assert found.task == task
    assert 0 < found.confidence <= 1
    assert found.reasons
    assert all(reason and not reason.endswith(".") for reason in found.reasons)


def test_the_order_of_the_lines_makes_no_difference() -> None:
    _, lines = DATASETS["several turns"]
    shuffled = random.Random(1).sample(lines, len(lines))
    assert analyze(io.BytesIO(b"\n".join(lines))).task_guess == analyze(io.BytesIO(b"\n".join(shuffled))).task_guess


def test_the_bundled_sample_has_a_task_and_says_why() -> None:
    found = analyze(sample_path()).task_guess
    assert found.task in {"instruction_following", "question_answering", "conversation", "extraction"}
    assert found.reasons


def guessed(multi_turn: float = 0.0, **given: Any) -> TaskGuess:
    usual = Characteristics(
        turns_avg=1,
        system_prompt_share=0,
        question_share=0,
        json_answer_share=0,
        tool_call_share=0,
        answer_chars_p50=200,
        distinct_answers=100,
        non_ascii_share=0,
    )
    fields = {name: getattr(usual, name) for name in usual.__struct_fields__}
    return guess_task(Characteristics(**{**fields, **given}), 100, multi_turn)


def test_without_a_sign_the_widest_task_is_sure() -> None:
    assert guessed() == TaskGuess("instruction_following", 1.0, ["nothing speaks strongly for a narrower task"])


def test_reasons_speak_of_the_task_alone() -> None:
    found = guessed(json_answer_share=0.75, question_share=0.6)
    assert (found.task, found.reasons) == ("extraction", ["75% of the answers are JSON"])


def test_signs_for_another_task_make_it_less_sure() -> None:
    assert guessed(json_answer_share=0.75).confidence > guessed(json_answer_share=0.75, question_share=1).confidence


def test_more_of_a_sign_makes_it_surer() -> None:
    shares = (0.5, 0.7, 1.0)
    assert [guessed(question_share=share).task for share in shares] == ["question_answering"] * 3
    sure = [guessed(question_share=share).confidence for share in shares]
    assert sure == sorted(sure)
    assert guessed(multi_turn=1.0).confidence > guessed(multi_turn=0.3).confidence


@pytest.mark.parametrize(("distinct", "task"), [(20, "classification"), (21, "instruction_following")])
def test_labels_are_few_in_proportion(distinct: int, task: str) -> None:
    assert guessed(distinct_answers=distinct, answer_chars_p50=10).task == task


@pytest.mark.parametrize(("characters", "task"), [(40, "classification"), (41, "instruction_following")])
def test_labels_are_short(characters: int, task: str) -> None:
    assert guessed(distinct_answers=3, answer_chars_p50=characters).task == task
