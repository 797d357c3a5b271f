"""What the numbers of all examples come to."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from tests.datasets.lines import Words, answer_with, asked, block, called, line
from webapp.datasets.examining import Examination, examine
from webapp.datasets.gathering import Gathered
from webapp.datasets.jaccard import TokenStore
from webapp.datasets.marks import Marked
from webapp.datasets.report import Characteristics, Distribution
from webapp.datasets.statistics import characteristics, distribution, token_summary, truncation
from webapp.datasets.token_report import PerExample, TokenRange, Tokens, Truncation

SYSTEM, USER = {"role": "system", "content": "Be kind"}, {"role": "user", "content": "Hello"}
RESULT = {"role": "tool", "content": "5"}


def answer(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


class Counted:
    """Examples that are said to have so many tokens."""

    def __init__(self, *examples: tuple[int, bytes]) -> None:
        part = examine(block(*(encoded for _, encoded in examples)), Examination(Words()))
        tokens = np.array([tokens for tokens, _ in examples], np.uint32)
        with TokenStore() as store:
            self.gathered = Gathered(store)
            self.gathered.add(msgspec.structs.replace(part, tokens=tokens))
            self.marked = Marked(self.gathered.lines, self.gathered.compare(0.4).marks)

    def distribution(self) -> Distribution:
        return distribution(self.gathered, self.marked)

    def characteristics(self) -> Characteristics:
        return characteristics(self.gathered, self.marked)

    def tokens(self) -> Tokens:
        return token_summary(self.gathered, Words())


FOUR = Counted(
    (99, line(SYSTEM, USER, answer("Hello"))),
    (100, line(USER, answer("Hello"), USER, answer('{"a": 1}'))),
    (999, line(USER, called(), RESULT, answer("[1, 2]"))),
    (1000, line(USER, answer("[not json"))),
)


def test_the_distribution() -> None:
    distribution = FOUR.distribution()
    assert distribution.roles == {"assistant": 6, "system": 1, "tool": 1, "user": 5}
    assert distribution.token_distribution == {"0-100": 1, "100-500": 1, "500-1000": 1, "1000+": 1}
    assert distribution.has_system_prompts
    assert distribution.multi_turn_percentage == 25.0
    assert distribution.avg_message_length == round((7 + 5 * 5 + 5 + 5 + 8 + 0 + 1 + 6 + 9) / 13, 1)


def test_the_characteristics() -> None:
    """The call has no words: five of the six messages of the assistant are answers."""
    found = FOUR.characteristics()
    assert found.turns_avg == 1.25
    assert found.system_prompt_share == 0.25
    assert found.tool_call_share == 0.25
    assert found.json_answer_share == round(2 / 5, 4)
    assert found.distinct_answers == 4
    assert found.answer_chars_p50 == 6
    assert found.non_ascii_share == 0
    assert found.question_share == 0


def test_the_share_of_characters_outside_ascii() -> None:
    assert Counted((1, asked("日本", "ab"))).characteristics().non_ascii_share == 0.5


def test_no_system_prompts() -> None:
    counted = Counted((1, line(USER, answer("a"))))
    assert not counted.distribution().has_system_prompts
    assert counted.characteristics().system_prompt_share == 0


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '{"a": NaN}', "5", '"a"'])
def test_what_is_not_a_json_object_or_list(text: str) -> None:
    assert Counted((1, answer_with(content=text))).characteristics().json_answer_share == 0


@pytest.mark.parametrize(
    ("questions", "share"),
    [
        (["Where?"], 1),
        (["Where? \n", "どこ？", "أين؟"], 1),
        (["Where?", "Here.", "Is it? Yes.", "?!"], 0.25),
    ],
)
def test_the_share_of_questions(questions: list[str], share: float) -> None:
    counted = Counted(*((1, asked(question, "Why?")) for question in questions))
    assert counted.characteristics().question_share == share


def test_questions_are_counted_by_message() -> None:
    two = line({**USER, "content": "Where?"}, answer("There."), {**USER, "content": "Why?"}, answer("So."), USER)
    assert Counted((1, two)).characteristics().question_share == round(2 / 3, 4)


def test_shares_where_there_is_nothing_to_share() -> None:
    found = Counted((1, line(called()))).characteristics()
    assert (found.question_share, found.json_answer_share, found.answer_chars_p50) == (0, 0, 0)
    assert (found.turns_avg, found.distinct_answers, found.non_ascii_share) == (0, 0, 0)


def test_examples_with_an_answer_of_each_kind_are_counted() -> None:
    texts = [" ", "Yes", "TODO", "A<|im_end|>", "As an AI, no.", "schÃ¶n so", "All is well in here."]
    found = Counted(*((1, answer_with(content=text)) for text in texts)).characteristics()
    assert {name: getattr(found, name) for name in Characteristics.MARKS} == {
        "leaked_markers": 1,
        "refusals": 1,
        "mojibake": 1,
        "placeholders": 1,
        "repetition": 0,
        "one_word_answers": 3,
        "empty_answers": 1,
    }


def test_token_percentiles_are_by_nearest_rank() -> None:
    summary = Counted(*((tokens, line(USER, answer("a"))) for tokens in range(1, 201))).tokens()
    assert summary.per_example == PerExample(p50=100, p95=190, p99=198, max=200)
    assert summary.total == 20_100


def test_the_count_says_that_it_is_an_estimate() -> None:
    summary = FOUR.tokens()
    assert (summary.tokenizer, summary.exact, summary.spot_check) == ("words", False, None)
    assert summary.note.startswith("Estimate")


def histogram(*counts: int) -> list[tuple[int, int, int]]:
    found = Counted(*((count, line(USER, answer("a"))) for count in counts)).tokens().histogram
    assert sum(part.count for part in found) == len(counts)
    assert all(isinstance(part, TokenRange) for part in found)
    return [(part.start, part.end, part.count) for part in found]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([1], [(0, 32, 1)]),
        ([31, 32], [(0, 32, 1), (32, 64, 1)]),
        ([63, 64, 127, 128], [(32, 64, 1), (64, 128, 2), (128, 256, 1)]),
        ([5, 300], [(0, 32, 1), (32, 64, 0), (64, 128, 0), (128, 256, 0), (256, 512, 1)]),
        ([1_000_000], [(524_288, 1_048_576, 1)]),
    ],
    ids=str,
)
def test_the_histogram_doubles_from_the_first_range_that_holds_any(
    counts: Sequence[int], expected: list[tuple[int, int, int]]
) -> None:
    assert histogram(*counts) == expected


def test_tokens_by_role_are_those_of_all_texts() -> None:
    tools = [{"type": "function", "function": {"name": "f", "description": "Gives a number."}}]
    call = {**called('{"a": 1, "b": 2}'), "content": "Let me see it."}
    encoded = line(SYSTEM, USER, call, RESULT, answer("It is five."), tools=tools)
    summary = Counted((99, encoded)).tokens()
    assert summary.by_role == {"assistant": 4 + 1 + 4 + 3, "system": 2, "tool": 1, "tools": 3, "user": 1}
    assert summary.trained == 12


def test_what_has_weight_0_is_counted_but_not_trained() -> None:
    untrained, untrained_call = {**answer("one two three"), "weight": 0}, {**called(), "weight": 0}
    encoded = line(USER, untrained, USER, untrained_call, USER, {**answer("four five"), "weight": 1})
    summary = Counted((99, encoded), (1, line(USER, answer("six")))).tokens()
    assert summary.by_role == {"assistant": 3 + 2 + 2 + 1, "user": 4}
    assert summary.trained == 3


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([512], [(512, 0, 0)]),
        ([513, 1, 1, 1], [(512, 1, 0.25), (1024, 0, 0)]),
        ([600, 3000, 3000], [(512, 3, 1), (1024, 2, 0.6667), (2048, 2, 0.6667), (4096, 0, 0)]),
        ([32_769], [(2**power, 1, 1) for power in range(9, 16)]),
    ],
    ids=str,
)
def test_truncation_up_to_the_first_context_that_cuts_none(
    counts: list[int], expected: list[tuple[int, int, float]]
) -> None:
    assert truncation(np.array(counts, np.uint32)) == [Truncation(*row) for row in expected]
