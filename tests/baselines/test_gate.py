"""The gate on made datasets of which the truth is known."""

import itertools
import json
import random
import sys

import numpy as np
import pytest

from webapp.baselines import gate
from webapp.baselines.gate import SAMPLE
from webapp.catalog.held_out import held_out_share
from webapp.datasets import Examples, ExampleWriter

SEED = 42
OPENING = (
    "When does {} open?", "Opening hours of {}", "{}: opening hours", "Hey, when does {} open today?",
    "Tell me when {} opens", "Is {} open, and when?", "What time can I go to {}?", "When can I visit {}?",
    "Please, {} opens at what time?", "{} hours?",
)  # fmt: skip
CHINESE_OPENING = (
    "{}几点开门", "请问{}什么时候开", "{}的营业时间", "我想知道{}几点开", "{}开门时间是什么", "{}今天开门吗",
    "什么时候可以去{}", "告诉我{}的开门时间", "{}早上几点营业", "你好,{}几点营业",
)  # fmt: skip


@pytest.fixture
def judged(tmp_path):
    """The gate on chats of (prompt, answer, prompt, answer ...)."""

    def judge(rows):
        lines = [json.dumps(chat(*row)).encode() + b"\n" for row in rows]
        first = {line: place for place, line in reversed(list(enumerate(lines)))}
        numbers = np.arange(1, len(lines) + 1, dtype=np.uint32)
        with ExampleWriter(tmp_path) as writer:
            writer.write(b"".join(lines), np.array(list(map(len, lines)), np.uint32), numbers, numbers)
            writer.annotate(np.zeros(len(lines), np.uint64), {"exact": np.array([first[line] for line in lines])}, [])
        return gate(Examples(tmp_path), held_out_share(len(lines)), SEED)

    return judge


def chat(*texts):
    roles = itertools.cycle(("user", "assistant"))
    return {"messages": [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]}


@pytest.fixture
def draw():
    return random.Random(7)


def words(draw, count):
    """Words of no language, the same few thousand."""
    return " ".join("".join(draw.choices("bdfgklmnprst", k=2)) + draw.choice("aeiou") for _ in range(count))


def sums(draw, count):
    pairs = [(draw.randrange(1000), draw.randrange(1000)) for _ in range(count)]
    return [(f"What is {one} + {other}?", str(one + other)) for one, other in pairs]


def test_a_table_that_is_asked_for_in_other_words_can_be_looked_up(judged, draw):
    places = [words(draw, 2) for _ in range(50)]
    found = judged([(ask.format(place), words(random.Random(place), 6)) for place in places for ask in OPENING])
    assert found.verdict == "answers_can_be_looked_up"
    assert found.baseline.score >= 0.9 > found.baseline.floor
    assert "0.9" in found.message


def test_so_can_one_in_a_script_without_spaces(judged, draw):
    characters = [chr(number) for number in range(0x5200, 0x5500)]
    places = ["".join(draw.sample(characters, 3)) for _ in range(40)]
    hours = {place: f"{draw.randrange(24)}点,{''.join(draw.sample(characters, 5))}" for place in places}
    found = judged([(ask.format(place), hours[place]) for place in places for ask in CHINESE_OPENING])
    assert found.verdict == "answers_can_be_looked_up"


def test_a_task_that_has_to_be_worked_out_is_not_called_hopeless(judged, draw):
    """A look-up is no better than a guess at arithmetic, which a model can learn."""
    found = judged(sums(draw, 600))
    assert found.verdict == "no_better_than_guessing"
    assert found.baseline.score < 0.05
    assert "which fine-tuning can teach and a look-up cannot do" in found.message


def test_answers_at_random_are_not_called_learnable(judged, draw):
    found = judged([(words(draw, 12), draw.choice(["yes", "no", "maybe"])) for _ in range(600)])
    assert (found.verdict, found.baseline.metric) == ("no_better_than_guessing", "label_accuracy")
    assert "read ten rows" in found.message


def test_the_same_prompts_with_ever_other_answers_do_not_decide_them(judged, draw):
    prompts = ["Write a line.", "Say something.", "Tell me more."]
    found = judged([(draw.choice(prompts), words(draw, 8)) for _ in range(400)])
    assert found.verdict == "prompts_do_not_decide"
    assert found.baseline.same_prompt == found.baseline.held_out


def test_sixty_rows_are_too_few_and_nothing_is_measured(judged, draw):
    found = judged(sums(draw, 60))
    assert (found.verdict, found.baseline) == ("too_few_rows", None)
    assert "60 rows are few" in found.message
    assert "the 12 held out" in found.message


def test_with_too_few_held_out_nothing_is_told(judged, draw):
    found = judged(sums(draw, 150))
    assert (found.verdict, found.baseline) == ("cannot_be_told", None)


def test_rows_that_repeat_a_few_are_few(judged, draw):
    """500 rows, but only 10 different ones: those held out are one or two."""
    assert judged(sums(draw, 10) * 50).verdict == "cannot_be_told"


def test_texts_without_a_prompt_cannot_be_judged(judged, draw):
    assert judged([("", words(draw, 20)) for _ in range(300)]).verdict == "cannot_be_told"


def test_one_answer_that_dominates_is_named_with_its_share(judged, draw):
    found = judged([(words(draw, 12), "no" if number % 20 else "yes") for number in range(400)])
    assert found.verdict == "one_answer_dominates"
    assert found.most_frequent_share == 0.95
    assert "95% of the answers to be learned are the same one" in found.message


def test_a_closing_answer_that_all_chats_share_does_not_dominate(judged, draw):
    """Half of the answers are that one, and it is right where it stands."""
    rows = [(words(draw, 8), words(draw, 8), "Thanks!", "You are welcome!") for _ in range(300)]
    found = judged(rows)
    assert found.most_frequent_share == 0.5
    assert found.verdict != "one_answer_dominates"
    assert "the same one" not in found.message


def test_every_answer_of_a_chat_is_looked_up(judged, draw):
    """As each is a row for training."""
    rows = [(words(draw, 8), words(draw, 8), "Thanks!", "You are welcome!") for _ in range(300)]
    assert (judged(rows).baseline.trained, judged(rows).baseline.held_out) == (540, 60)


def test_a_score_that_rises_with_the_rows_asks_for_more(judged, draw):
    """Each of many topics has its own answer, and half of the topics are met once or twice."""
    topics = [words(draw, 2) for _ in range(300)]
    asked = draw.choices(topics, k=500)
    found = judged([(f"{words(draw, 3)} {topic}", words(random.Random(topic), 6)) for topic in asked])
    assert found.verdict == "more_rows_help"
    quarter, half, whole = (point.score for point in found.baseline.curve)
    assert quarter < half < whole


def test_a_score_that_is_flat_and_above_the_floor_is_worth_trying(judged, draw):
    """One of four words in the prompt says the first half of the answer; nothing says the second."""
    kinds = {name: words(draw, 4) for name in ("refund", "delivery", "invoice", "account")}
    rows = [
        (f"{words(draw, 2)} {kind}", f"{kinds[kind]} {words(draw, 4)}") for kind in draw.choices(list(kinds), k=600)
    ]
    found = judged(rows)
    assert found.verdict == "worth_trying"
    assert found.baseline.advantage[0] > 0


def test_a_large_dataset_is_judged_by_a_sample_of_it(judged, draw):
    found = judged(sums(draw, SAMPLE + 500))
    assert (found.rows, found.sampled) == (SAMPLE + 500, SAMPLE)
    assert found.baseline.trained + found.baseline.held_out <= SAMPLE


def test_the_same_rows_have_the_same_gate(judged, draw):
    rows = sums(draw, 300)
    assert judged(rows) == judged(rows)


def test_a_single_row_is_judged_too(judged):
    assert judged([("Hello", "Good day.")]).verdict == "too_few_rows"


def test_too_few_rows_load_no_library_to_measure_with(judged, draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    assert judged(sums(draw, 60)).verdict == "too_few_rows"
