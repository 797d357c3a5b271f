"""Marks in answers, and the scan that looks for them together with private data."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.datasets import analyze
from webapp.datasets.markers import MARKER_OF, MARKERS, noticed, repeats_itself
from webapp.datasets.privacy_kinds import KINDS
from webapp.datasets.scanning import Scanner

SCANNER = Scanner({item.name: item.pattern for item in (*KINDS, *MARKERS)})


def marks(answer: str) -> set[str]:
    return noticed([answer], SCANNER.present(answer))


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
    assert noticed(["All is well here."], MARKER_OF) == set()
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


@given(st.text(st.characters()))
def test_the_scan_misses_nothing_that_is_there(text: str) -> None:
    present = SCANNER.present(text)
    assert {marker.name for marker in MARKERS if marker.occurs(text)} <= set(present)
    noticed([text], present)


def test_a_scan_that_runs_out_of_memory_rules_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def Match(self, text: bytes) -> None:  # noqa: ARG002, N802
            return None

    scanner = Scanner({"a": "a", "b": "b"})
    assert scanner.present("xxb") == ["b"]
    monkeypatch.setattr(scanner, "_set", Full())
    assert scanner.present("xxb") == ["a", "b"]
