"""Examples that ask exactly the same and are answered differently."""

import io
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.datasets.lines import ANSWER, USER, asked, called, line
from webapp.datasets import analyze
from webapp.datasets.group_report import MAX_GROUP_LINES, MAX_GROUPS, ConflictGroup, Conflicts

SYSTEM = {"role": "system", "content": "Be kind."}
TOOLS = [{"type": "function", "function": {"name": "look_up"}}]
RESULT = {"role": "tool", "content": "5", "tool_call_id": "c1"}
OTHER = {"role": "assistant", "content": "Good evening."}


def conflicts(*lines: bytes) -> Conflicts:
    return analyze(io.BytesIO(b"\n".join(lines))).conflicts


def test_the_same_prompt_with_another_answer_is_one() -> None:
    found = conflicts(asked("Hi", "a"), asked("Ho", "a"), b"bad", asked("Hi", "b"))
    assert found == Conflicts(2, 1, [ConflictGroup(2, 2, [1, 4])])


def test_the_same_prompt_with_the_same_answer_is_none() -> None:
    assert conflicts(asked("Hi", "a"), asked("Hi", "a")) == Conflicts(0, 0, [])


def test_those_that_agree_with_another_are_of_the_group_too() -> None:
    assert conflicts(*(asked("Hi", answer) for answer in "aababc")).groups == [ConflictGroup(6, 3, [1, 2, 3, 4, 5, 6])]


def test_system_prompts_and_tools_are_part_of_the_prompt() -> None:
    lines = [line(USER, ANSWER), line(SYSTEM, USER, OTHER), line(USER, OTHER, tools=TOOLS)]
    assert conflicts(*lines).count == 0
    assert conflicts(*lines, line(SYSTEM, USER, ANSWER), line(USER, ANSWER, tools=TOOLS)).count == 4


def test_earlier_turns_and_their_order_are_part_of_the_prompt() -> None:
    hello, more = USER, {"role": "user", "content": "More?"}
    assert conflicts(line(hello, ANSWER, more, ANSWER), line(hello, OTHER, more, OTHER)).count == 0
    assert conflicts(line(hello, ANSWER, more, ANSWER), line(more, ANSWER, hello, OTHER)).count == 0
    assert conflicts(line(hello, ANSWER, more, ANSWER), line(hello, ANSWER, more, OTHER)).count == 2


def test_who_says_it_is_part_of_the_prompt() -> None:
    assert conflicts(line({**USER, "role": "system"}, ANSWER), line(USER, OTHER)).count == 0


def test_what_is_in_no_prompt_is_none() -> None:
    assert conflicts(line(ANSWER), line(OTHER)) == Conflicts(0, 0, [])


def test_a_call_is_an_answer_with_all_that_is_in_it() -> None:
    assert conflicts(line(USER, called('{"a":1}')), line(USER, called('{"a":2}'))).groups[0].answers == 2
    assert conflicts(line(USER, called()), line(USER, ANSWER)).count == 2
    assert conflicts(line(USER, called()), line(USER, {**called(), "content": "Let me see."})).count == 2
    assert conflicts(line(USER, called()), line(USER, called())).count == 0


def test_after_a_call_its_result_is_part_of_the_prompt_of_the_answer() -> None:
    other = {**RESULT, "content": "6"}
    assert conflicts(line(USER, called(), RESULT, ANSWER), line(USER, called(), other, OTHER)).count == 0
    assert conflicts(line(USER, called(), RESULT, ANSWER), line(USER, called(), RESULT, OTHER)).count == 2


def test_what_follows_the_last_answer_is_no_part_of_it() -> None:
    assert conflicts(line(USER, ANSWER), line(USER, ANSWER, USER)).count == 0
    assert conflicts(line(USER, ANSWER), line(USER, OTHER, USER)).count == 2
    other = {**RESULT, "content": "6"}
    assert conflicts(line(USER, called(), RESULT), line(USER, called(), other), line(USER, called())).count == 0


def test_weights_make_no_difference() -> None:
    more = {"role": "user", "content": "More?"}
    trained, untrained = line(USER, ANSWER, more, ANSWER), line(USER, {**ANSWER, "weight": 0}, more, ANSWER)
    assert conflicts(trained, untrained).count == 0
    assert conflicts(trained, line(USER, {**ANSWER, "weight": 0}, more, OTHER)).count == 2
    assert conflicts(trained, line(USER, ANSWER, more, {**ANSWER, "weight": 0})).count == 0


def test_the_largest_groups_come_first_and_only_their_first_lines_are_named() -> None:
    pairs = [asked(f"Question {number}", answer) for number in range(60) for answer in "ab"]
    found = conflicts(*pairs, *(asked("Question 59", str(number)) for number in range(28)))
    assert (found.count, found.group_count, len(found.groups)) == (148, 60, MAX_GROUPS)
    assert found.groups[0] == ConflictGroup(30, 30, [119, 120, *range(121, 119 + MAX_GROUP_LINES)])
    assert [group.lines for group in found.groups[1:4]] == [[1, 2], [3, 4], [5, 6]]


def test_the_issue_names_the_lines() -> None:
    found = analyze(io.BytesIO(b"\n".join([asked("Ho", "a"), asked("Hi", "a"), asked("Hi", "b")])))
    issue = next(issue for issue in found.quality_issues if issue.code == "conflicts")
    assert (issue.severity, issue.count, issue.lines) == ("info", 2, [2, 3])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1, max_size=30))
def test_conflicts_are_those_of_a_plain_count(pairs: list[tuple[str, str]]) -> None:
    answers = {prompt: {answer for asked_, answer in pairs if asked_ == prompt} for prompt, _ in pairs}
    conflicting = [prompt for prompt, different in answers.items() if len(different) > 1]
    found = conflicts(*(asked(*pair) for pair in pairs))
    assert found.count == sum(prompt in conflicting for prompt, _ in pairs)
    assert found.group_count == len(conflicting)
    assert sorted(group.answers for group in found.groups) == sorted(len(answers[prompt]) for prompt in conflicting)


def test_lines_in_another_order_give_the_same_groups() -> None:
    lines = [asked(f"Question {number % 40}", f"Answer {number % 7}") for number in range(300)]
    shuffled = random.Random(1).sample(lines, len(lines))
    one, other = conflicts(*lines), conflicts(*shuffled)
    assert (one.count, one.group_count) == (other.count, other.group_count)
    assert sorted(group.size for group in one.groups) == sorted(group.size for group in other.groups)
