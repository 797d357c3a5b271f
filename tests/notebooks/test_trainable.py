"""What the analysis marks as having nothing to learn is what each family's chat template makes nothing of."""

import json
from io import BytesIO

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import convert

from tests.training.made_conversations import valid_conversations
from webapp.cli import main
from webapp.datasets import Examples, ExampleWriter, analyze
from webapp.datasets.answers import teaches_nothing
from webapp.datasets.records import Conversation
from webapp.errors import Problem
from webapp.notebooks.trainable import require_trained_text
from webapp.training.families import families, family_render
from webapp.training.turns import has_trained_text, prompt_completions


def rows(*answers):
    return [
        {"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": answer}]}
        for n, answer in enumerate(answers)
    ]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    def write(conversations):
        folder = tmp_path_factory.mktemp("examples")
        text = "\n".join(json.dumps(conversation) for conversation in conversations)
        with ExampleWriter(folder) as sink:
            analysis = analyze(BytesIO(text.encode()), name="x.jsonl", sink=sink)
        return analysis, Examples(folder)

    return write


@settings(max_examples=100, deadline=None)
@given(conversations=st.lists(valid_conversations, min_size=1, max_size=20))
def test_the_marks_are_what_rendering_with_any_family_finds(kept, conversations):
    analysis, examples = kept(conversations)
    assert analysis.total_examples == len(conversations)
    stored = list(examples.conversations())
    marked = examples.marked().lines("no_trained_text").tolist()
    assert marked == [n for n, one in enumerate(stored, 1) if teaches_nothing(convert(one, Conversation))]
    for family in families().values():
        by = family_render(family)
        found = [n for n, one in enumerate(stored, 1) if not has_trained_text(one, prompt_completions(one, by), by)]
        assert found == marked, family.name


def test_the_problem_names_the_first_lines_and_counts_all(kept):
    _, examples = kept(rows(*(" " if n % 2 else "Yes." for n in range(60))))
    with pytest.raises(Problem, match=r"on lines 2, 4, .* and others \(30 in all\)") as raised:
        require_trained_text(examples)
    assert raised.value.code == "no_trained_text"
    assert raised.value.details == {"count": 30, "lines": list(range(2, 41, 2))}


def test_a_conversation_with_one_answer_of_words_is_trainable(kept):
    turns = [
        {"role": "user", "content": "a?"},
        {"role": "assistant", "content": " "},
        {"role": "user", "content": "b?"},
        {"role": "assistant", "content": "b"},
    ]
    _, examples = kept([{"messages": turns}])
    require_trained_text(examples)


def test_it_is_an_issue_of_the_report(kept):
    analysis, _ = kept(rows("Yes.", "\n", "No."))
    (issue,) = [issue for issue in analysis.quality_issues if issue.code == "no_trained_text"]
    assert (issue.severity, issue.count, issue.lines) == ("error", 1, [2])


def test_the_command_line_refuses_and_names_the_lines(tmp_path):
    data, output = tmp_path / "data.jsonl", tmp_path / "notebook.ipynb"
    data.write_text("\n".join(map(json.dumps, rows(*(" " if n == 5 else f"Answer {n} of many." for n in range(15))))))
    command = ["notebook", str(data), "--model", "smollm2-360m", "-o", str(output)]
    refused = CliRunner().invoke(main, command)
    assert refused.exit_code == 1
    assert "There is no text to learn on line 6: every" in refused.stderr
    assert not output.exists()
