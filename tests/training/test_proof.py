import html
import re
from html.parser import HTMLParser

import pytest

from tests.training.templates import ANSWER, USER, decode, encode, refuses_system, render, said, thinks_last
from webapp.training.families import families
from webapp.training.masking import build_rows
from webapp.training.proof import (
    bracketed_mask,
    coloured_mask,
    compare_renderings,
    count_joined,
    mask_pieces,
    settle_template,
    show_proof,
)
from webapp.training.turns import suited

TWO_TURNS = {"messages": [USER, ANSWER, said("user", "r"), said("assistant", "b")]}
HOSTILE = "</mark></div><script>alert(1)</script>\"'&amp; onload=x"


def rows_of(*conversations, train_turns="separate"):
    return build_rows(conversations, range(len(conversations)), render, encode, 10_000, train_turns)


def test_the_trained_parts_are_between_brackets():
    (row,) = rows_of(TWO_TURNS, train_turns="together")
    pieces = mask_pieces(row, decode)
    assert "".join(text for text, _ in pieces) == decode(row.input_ids)
    assert bracketed_mask(pieces) == "<user>q</><assistant>⟦a</>⟧<user>r</><assistant>⟦b</>⟧"


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.marked, self._in_mark = [], "", False

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, [name for name, _ in attrs]))
        self._in_mark = tag == "mark"

    def handle_endtag(self, tag):
        self._in_mark = self._in_mark and tag != "mark"

    def handle_data(self, data):
        self.marked += data if self._in_mark else ""


def test_rows_are_text_in_the_coloured_proof_whatever_they_hold():
    conversation = {"messages": [said("user", HOSTILE), said("assistant", HOSTILE)]}
    (row,) = rows_of(conversation)
    found = Elements()
    found.feed(coloured_mask(HOSTILE, mask_pieces(row, decode)))
    assert found.tags == [("div", ["style"]), ("strong", []), ("br", []), ("mark", ["style"])]
    assert found.marked == f"{HOSTILE}</>"


def luminance(colour):
    parts = [int(colour[i] * (2 if len(colour) == 3 else 1) + ("" if len(colour) == 3 else colour[i + 1]), 16) / 255
             for i in range(0, len(colour), len(colour) // 3)]  # fmt: skip
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_its_colours_can_be_read_on_any_page():
    found = re.findall(r"background:#(\w+);color:#(\w+)", coloured_mask("x", [("a", True), ("b", False)]))
    assert len(found) == 2
    for ground, text in found:
        light, dark = sorted((luminance(ground), luminance(text)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 7


def test_a_long_part_is_shown_by_its_ends():
    shown = bracketed_mask([("x" * 5_000, True)])
    assert len(shown) < 2_100
    assert "3,000 characters" in shown


def test_every_row_of_the_first_two_conversations_is_printed(capsys):
    show_proof(rows_of(TWO_TURNS, {"messages": [USER, ANSWER]}, {"messages": [said("user", "third"), ANSWER]}), decode)
    printed = capsys.readouterr().out
    assert re.findall(r"--- (.*)", printed) == [
        "conversation 1, up to message 2",
        "conversation 1, up to message 4",
        "conversation 2, up to message 2",
    ]
    assert printed.count("⟦") == 3
    assert "third" not in printed


def test_in_a_notebook_it_is_displayed_in_colour(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(IPython.display, "display", shown.append)
    show_proof(rows_of(TWO_TURNS), decode)
    assert html.escape("a</>") in shown[0].data


def test_the_first_difference_in_the_trained_text_is_shown():
    conversations = [{"messages": [said("user"), ANSWER]}, TWO_TURNS]
    assert compare_renderings(conversations, render, render) == (0, 0, None)
    differing, differing_trained, first = compare_renderings(conversations, render, thinks_last)
    assert (differing, differing_trained) == (2, 2)
    assert "conversation 1" in first
    assert "'a</>'" in first
    assert "'(thought)a</>'" in first


def test_a_difference_in_the_context_alone_is_counted_apart():
    def greets(messages, tools, add_generation_prompt):
        return "<bos>" + render(messages, tools, add_generation_prompt)

    assert compare_renderings([TWO_TURNS], render, greets) == (1, 0, None)


def test_a_template_that_fails_is_a_difference():
    def fails(*_):
        raise LookupError("strange")

    assert "cannot be rendered: strange" in compare_renderings([TWO_TURNS], render, fails)[2]
    assert compare_renderings([{"messages": [said("system"), *TWO_TURNS["messages"]]}], render, refuses_system)[1] == 1


def test_joined_and_parted_conversations_are_counted():
    rows = [
        *rows_of(TWO_TURNS),
        *(row for row in rows_of({"messages": [USER, ANSWER]}, TWO_TURNS, train_turns="together")),
    ]
    assert count_joined(rows[2:]) == "2 conversations are one row each, 0 stay apart, a row for each answer"
    assert count_joined(rows[:2]) == "0 conversations are one row each, 1 stay apart, a row for each answer"


@pytest.fixture
def tokenizer(conversations):
    from webapp.training.miniature import make_tokenizer

    return make_tokenizer(families()["gemma"], conversations)


def settle(tokenizer, conversations, family="gemma"):
    return settle_template(tokenizer, conversations, family, families()[family].standalone_template)


def test_a_miniatures_template_is_called_the_familys_and_differs_nowhere(tokenizer, conversations, capsys):
    report = settle(tokenizer, conversations)
    assert report == {
        "family": "gemma",
        "source": "family",
        "system_merged": True,
        "compared": 50,
        "differing": 0,
        "differing_trained": 0,
    }
    assert "chat template: that of gemma, as Tunebook carries it" in capsys.readouterr().out


def test_a_tokenizer_without_a_template_gets_the_familys(tokenizer, conversations):
    tokenizer.chat_template = None
    assert settle(tokenizer, conversations)["source"] == "family"
    assert "start_of_turn" in tokenizer.apply_chat_template([USER], tokenize=False)


def test_the_tokenizers_own_template_is_compared_and_kept(tokenizer, conversations, capsys):
    own = (
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}~{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    tokenizer.chat_template = own
    report = settle(tokenizer, conversations, "qwen3")
    assert (report["source"], report["differing_trained"], report["system_merged"]) == ("tokenizer", 50, False)
    assert tokenizer.chat_template == own
    printed = capsys.readouterr().out
    assert "the tokenizer's own template" in printed
    assert "<think>" in printed


def test_no_system_prompt_in_the_data_means_none_was_merged(tokenizer):
    assert settle(tokenizer, [TWO_TURNS])["system_merged"] is False


@pytest.mark.parametrize("name", sorted(families()))
def test_the_template_a_notebook_carries_writes_what_the_app_shows(name, tokenizer, conversations, tool_conversation):
    from webapp.training.families import family_render
    from webapp.training.turns import tokenizer_render

    family = families()[name]
    carried = tokenizer_render(tokenizer, family.standalone_template)
    for conversation in [*conversations, tool_conversation]:
        given = conversation["messages"], conversation.get("tools"), True
        assert carried(*given) == family_render(family)(*given)


def test_a_suited_template_that_refuses_system_prompts_differs_from_none_that_merges_them():
    conversation = {"messages": [said("system", "s"), USER, ANSWER]}
    assert compare_renderings([conversation], suited(refuses_system), suited(refuses_system)) == (0, 0, None)
