"""Marks in answers, and the scan that looks for them together with private data."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.datasets.lines import names, said
from webapp.datasets import analyze
from webapp.datasets.answers import look_at_answers
from webapp.datasets.contents import look_at_contents
from webapp.datasets.hashing import text_hashes
from webapp.datasets.markers import MARKER_OF, MARKERS
from webapp.datasets.repetition import repeats_itself


def marks(answer: str) -> set[str]:
    """What is noticed about an answer, apart from its being short or empty."""
    found = said("Hi", answer)
    both = look_at_contents(found).marks | look_at_answers(found, text_hashes(found.encoded)).marks
    return names(both[0]) & {*MARKER_OF, "repetition", "one_word_answers"}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("leaked_markers", "Yes, sir.<|im_end|>"),
        ("leaked_markers", "<|start_header_id|>assistant"),
        ("leaked_markers", "<｜User｜>Hi there"),
        ("leaked_markers", "[INST] Hi [/INST]"),
        ("leaked_markers", "<<SYS>> Be kind"),
        ("leaked_markers", "That is fine.<end_of_turn>"),
        ("leaked_markers", "Fine.\n### Human: and now?"),
        ("refusals", "As an AI language model, I have no opinion."),
        ("refusals", "I'm sorry, but I can't do that."),
        ("refusals", "I am sorry, I cannot do that."),
        ("refusals", "I’m very sorry, but I can’t do that."),
        ("refusals", "I cannot assist with that request."),
        ("mojibake", "Das ist schÃ¶n."),
        ("mojibake", "Itâ€™s here"),
        ("mojibake", "Itâ\x80\x99s here"),
        ("mojibake", "20Â\u00a0°C"),
        ("mojibake", "ï»¿Hello there"),
        ("mojibake", "a ðŸ˜€ b"),
        ("mojibake", "caf\ufffd here"),
        ("placeholders", "Dear [NAME], hello"),
        ("placeholders", "Dear [Your Name], hello"),
        ("placeholders", "Dear [COMPANY_NAME]"),
        ("placeholders", "On [insert date here]"),
        ("placeholders", "Set <your api key>"),
        ("placeholders", "Hello {{name}}, hello"),
        ("placeholders", "Lorem ipsum dolor"),
        ("placeholders", "TODO: write this"),
    ],
)
def test_marks(name: str, answer: str) -> None:
    assert marks(answer) == {name}


@pytest.mark.parametrize(
    "answer",
    [
        "SÃO PAULO, AMANHÃ” e À noite",
        "Ça va, naïve café, Zoë, Ângela",
        "See [the link](https://tunebook.org) and [name](a.html).",
        "row[date] = names[number]",
        "Use a <b>bold</b> word | or a | pipe",
        "I am sorry to hear that. I can help with this.",
        "My todo list is long.",
        'f"{name}" and {{ 7 * 7 }} here',
    ],
)
def test_no_marks(answer: str) -> None:
    assert marks(answer) == set()


@pytest.mark.parametrize(("answer", "one"), [("Yes", True), ("positive\n", True), ("Yes, it is", False), ("", False)])
def test_one_word_answers(answer: str, one: bool) -> None:
    assert marks(answer) == ({"one_word_answers"} if one else set())


@pytest.mark.parametrize(
    ("text", "repeats"),
    [
        ("The same line is here again.\n" * 4, True),
        ("The same line is here again.\n" * 3 + "And now for something else, at long last.", False),
        ("This sentence comes back. " * 4 + "Or not.", True),
        ("I began well, but " + "very " * 60, True),
        ("- yes\n- no\n" * 10 + "A last line that is said once only, and is long enough.", False),
        ("ha" * 20, False),
        (" ".join(map(str, range(200))), False),
    ],
)
def test_repetition(text: str, repeats: bool) -> None:
    assert repeats_itself(text) is repeats


def test_only_answers_are_searched() -> None:
    question = {"role": "user", "content": "What does <|im_start|> mean, [NAME]? TODO"}
    answer = {"role": "assistant", "content": "It begins a turn."}
    found = analyze(io.BytesIO(json.dumps({"messages": [question, answer]}).encode()))
    assert found.characteristics.leaked_markers == found.characteristics.placeholders == 0


def test_the_report_counts_examples_and_names_their_lines() -> None:
    answers = [
        "Fine thus far.",
        "A<|im_end|><|im_end|>",
        "As an AI, no.",
        "schÃ¶n so",
        "Dear [NAME]",
        "Yes",
        "Word and word. " * 20,
    ]
    lines = [
        json.dumps({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": answer}]}).encode()
        for answer in answers
    ]
    found = analyze(io.BytesIO(b"\n".join(lines)))
    names = ["leaked_markers", "refusals", "mojibake", "placeholders", "one_word_answers", "repetition"]
    assert [getattr(found.characteristics, name) for name in names] == [1] * 6
    issues = {issue.code: issue for issue in found.quality_issues}
    places = [("leaked_markers", 2), ("refusals", 3), ("mojibake", 4), ("placeholders", 5), ("repetition", 7)]
    for code, line in places:
        assert (issues[code].severity, issues[code].count, issues[code].lines) == ("info", 1, [line])
    assert "one_word_answers" not in issues


@given(st.text())
def test_no_text_stops_the_scan_and_all_that_is_there_is_noticed(text: str) -> None:
    noticed = names(look_at_contents(said("Hi", text)).marks[0])
    assert noticed & set(MARKER_OF) == {marker.name for marker in MARKERS if marker.occurs(text)}
