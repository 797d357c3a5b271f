"""What is noticed about single examples."""

import pytest
from webapp.datasets.findings import FIRST_LINES, Findings, Sighting

from webapp.datasets.parsing import Parsed
from webapp.datasets.records import CalledFunction, Conversation, Message, ToolCall

CALL = ToolCall("function", CalledFunction("f", "{}"))


def example(order: str, answer: str = "Good day.") -> Conversation:
    """A conversation from letters: s, u, a and t for the roles, c for a call."""
    made = {
        "s": Message("system", "Be kind."),
        "u": Message("user", "Hello"),
        "a": Message("assistant", answer),
        "c": Message("assistant", "", tool_calls=[CALL]),
        "t": Message("tool", "5"),
    }
    return Conversation([made[letter] for letter in order])


def noticed(conversation: Conversation, tokens: int = 10, keys: tuple[str, ...] = (), older: bool = False) -> set[str]:
    findings = Findings()
    findings.add(Parsed(conversation, keys, older), 1, tokens)
    return set(findings.seen)


@pytest.mark.parametrize("order", ["sua", "suaua", "suctauctta", "suctcta"])
def test_nothing_is_noticed_about_an_ordinary_example(order: str) -> None:
    assert noticed(example(order)) == set()


@pytest.mark.parametrize("order", ["sau", "suca", "suua", "suaa", "susa", "usa", "ssua", "aua"])
def test_an_unusual_order(order: str) -> None:
    assert {"unusual_order", "irregular"} <= noticed(example(order))


@pytest.mark.parametrize("order", ["suau", "suauct"])
def test_no_answer_at_the_end(order: str) -> None:
    assert noticed(example(order)) == {"ends_without_answer", "irregular"}


@pytest.mark.parametrize(
    ("answer", "code"), [(" \n", "empty_answers"), (" Yes ", "very_short_answers"), ("Maybe", None)]
)
def test_answers_that_say_little(answer: str, code: str | None) -> None:
    assert noticed(example("sua", answer)) == ({code} if code else set())


def test_the_other_sightings() -> None:
    assert noticed(example("ua")) == {"missing_system_prompts"}
    assert noticed(example("sua"), tokens=4096) == set()
    assert noticed(example("sua"), tokens=4097) == {"long_examples"}
    assert noticed(example("sua"), keys=("id",)) == {"unknown_keys"}
    assert noticed(example("sua"), older=True) == {"older_names"}


def test_only_the_first_lines_are_kept() -> None:
    sighting = Sighting()
    for line in range(1, 100):
        sighting.add(line)
    assert (sighting.count, sighting.lines) == (99, list(range(1, FIRST_LINES + 1)))


def test_a_bounded_number_of_unknown_keys_is_kept() -> None:
    findings = Findings()
    for number in range(100):
        findings.add(Parsed(example("ua"), (f"key {number}" + "x" * 1000,), older_names=False), 1, 1)
    assert len(findings.unknown_keys) == 20
    assert max(map(len, findings.unknown_keys)) == 60
