"""Counts over all examples."""

import pytest

from webapp.datasets.exactness import EXPECTED_ERROR, note
from webapp.datasets.openai_tokenizer import OpenAITokenizer
from webapp.datasets.records import CalledFunction, Conversation, Message, ToolCall
from webapp.datasets.statistics import Statistics
from webapp.datasets.token_report import SpotCheck

SYSTEM, USER = Message("system", "Be kind"), Message("user", "Hello")
CALL = Message("assistant", "", tool_calls=[ToolCall("function", CalledFunction("f", "{}"))])


def answer(text: str) -> Message:
    return Message("assistant", text)


def counted(*examples: tuple[int, list[Message]]) -> Statistics:
    statistics = Statistics()
    for tokens, messages in examples:
        statistics.add(Conversation(messages), tokens)
    return statistics


FOUR = counted(
    (99, [SYSTEM, USER, answer("Hello")]),
    (100, [USER, answer("Hello"), USER, answer('{"a": 1}')]),
    (999, [USER, CALL, Message("tool", "5"), answer("[1, 2]")]),
    (1000, [USER, answer("[not json")]),
)


def test_the_distribution() -> None:
    distribution = FOUR.distribution()
    assert distribution.roles == {"assistant": 6, "system": 1, "tool": 1, "user": 5}
    assert distribution.token_distribution == {"0-100": 1, "100-500": 1, "500-1000": 1, "1000+": 1}
    assert distribution.has_system_prompts
    assert distribution.multi_turn_percentage == 25.0
    assert distribution.avg_message_length == round((7 + 5 * 5 + 5 + 5 + 8 + 0 + 1 + 6 + 9) / 13, 1)


def test_the_characteristics() -> None:
    found = FOUR.characteristics()
    assert found.turns_avg == 1.25
    assert found.system_prompt_share == 0.25
    assert found.tool_call_share == 0.25
    assert found.json_answer_share == round(2 / 6, 4)
    assert found.distinct_answers == 5
    assert found.answer_chars_p50 == 5
    assert found.non_ascii_share == 0


def test_the_share_of_characters_outside_ascii() -> None:
    assert counted((1, [Message("user", "日本"), answer("ab")])).characteristics().non_ascii_share == 0.5


def test_no_system_prompts() -> None:
    statistics = counted((1, [USER, answer("a")]))
    assert not statistics.distribution().has_system_prompts
    assert statistics.characteristics().system_prompt_share == 0


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '{"a": NaN}', "5", '"a"', ""])
def test_what_is_not_a_json_object_or_list(text: str) -> None:
    assert counted((1, [USER, answer(text)])).characteristics().json_answer_share == 0


def test_token_percentiles_are_by_nearest_rank() -> None:
    summary = counted(*((tokens, [USER, answer("a")]) for tokens in range(1, 201))).token_summary(
        OpenAITokenizer(), None
    )
    assert (summary.p50, summary.p95, summary.p99, summary.max) == (100, 190, 198, 200)
    assert summary.total == 20_100


def test_the_count_says_that_it_is_an_estimate() -> None:
    summary = FOUR.token_summary(OpenAITokenizer(), SpotCheck(4, 0))
    assert (summary.tokenizer, summary.exact) == ("o200k_base", False)
    assert (summary.note, summary.expected_error) == (note(OpenAITokenizer()), EXPECTED_ERROR)
