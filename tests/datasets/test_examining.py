"""One block of lines to what there is to know about it."""

import pickle

import msgspec
import numpy as np
import pytest

from tests.datasets.lines import ANSWER, GOOD, USER, Words, answer_with, asked, block, called, line, names, ordered
from webapp.datasets import OpenAITokenizer
from webapp.datasets.examining import KEPT_KEYS, Examination, Partial, Totals, examine
from webapp.datasets.hashing import text_hashes
from webapp.datasets.languages import SAMPLE_EXAMPLES

OLDER = line({"role": "developer", "content": "Be kind."}, USER, ANSWER)


def examined(*lines: bytes | None, max_items: int = 100, first: int = 1) -> Partial:
    return examine(block(*lines, first=first), Examination(Words(), max_items=max_items))


def noticed(one: bytes) -> set[str]:
    return names(examined(one).marks[0])


@pytest.mark.parametrize("order", ["sua", "sucta", "suctcta"])
def test_nothing_is_noticed_about_an_ordinary_example(order: str) -> None:
    assert noticed(ordered(order)) - {"tool_calls"} == set()


@pytest.mark.parametrize("order", ["suaua", "suctauctta", "suctcta"])
def test_turns_and_calls_are_noticed(order: str) -> None:
    expected = {"multi_turn"} if order.count("u") > 1 else set()
    assert noticed(ordered(order)) == expected | ({"tool_calls"} if "c" in order else set())


@pytest.mark.parametrize("order", ["suca", "suct"])
def test_calls_without_a_result_or_without_an_answer_are_irregular(order: str) -> None:
    assert "irregular" in noticed(ordered(order))


def test_the_other_marks() -> None:
    assert noticed(ordered("ua")) == {"missing_system_prompts"}
    system = {"role": "system", "content": "Be kind."}
    assert noticed(line(system, USER, ANSWER, id=1)) == {"unknown_keys"}
    assert noticed(OLDER) == {"older_names"}
    assert "email" in noticed(answer_with(content="It is anna@lind.se, I think"))
    assert "very_short_answers" in noticed(answer_with(content="Yes."))


def test_an_example_is_long_from_4097_tokens_on() -> None:
    long = [asked("word " * 4094, "two words"), asked("word " * 4095, "two words")]
    assert ["long_examples" in names(marks) for marks in examined(*long).marks] == [False, True]


def test_every_number_of_an_example_is_in_its_place() -> None:
    found = examined(asked("one two", "three"), b"bad", b"", asked("four", "five"), first=11)
    assert found.lines.tolist() == [11, 14]
    assert found.tokens.tolist() == [3, 2]
    assert (found.invalid, [item.line for item in found.faults]) == ([12], [12])
    assert found.answer_hashes.tolist() == text_hashes([b"three", b"five"]).tolist()
    assert found.answer_characters.tolist() == [5, 4]
    assert [len(column) for column in (found.marks, found.digests, found.prompts, found.said.signatures)] == [2] * 4


def test_canonical_lines_are_cut_where_their_sizes_say() -> None:
    found = examined(GOOD, b"  " + GOOD.replace(b", ", b" ,  "), line(USER, {**ANSWER, "weight": 1}))
    ends = np.cumsum(found.sizes)
    lines = [found.canonical[end - size : end] for end, size in zip(ends, found.sizes, strict=True)]
    assert all(one.endswith(b"\n") for one in lines)
    assert lines[0] == lines[1] != lines[2]
    assert found.digests[0].tolist() == found.digests[1].tolist() != found.digests[2].tolist()


def test_what_is_said_is_without_system_prompts_and_tools() -> None:
    setting = [{"role": "system", "content": "a bb"}, {"role": "user", "content": "ccc"}, called(), ANSWER]
    found = examined(GOOD, line(*setting, tools=[{"type": "function", "function": {"name": "f"}}]))
    assert found.said.tokens.text(0).tolist() == [5, 4, 4]
    assert found.said.tokens.text(1).tolist() == [3, 7, 2, 4, 4]
    assert found.tokens.tolist() == [3, 5 + 2 + 1]


def test_a_bounded_number_of_unknown_keys_is_kept() -> None:
    odd = [line(USER, ANSWER, **{f"key {number:03}" + "x" * 1000: 1}) for number in range(100)]
    found = examined(*odd)
    assert len(found.unknown_keys) == KEPT_KEYS
    assert max(map(len, found.unknown_keys)) == 60
    assert found.unknown_keys == sorted(found.unknown_keys)
    assert found.unknown_keys[0].startswith("key 000")


def test_faults_are_named_up_to_the_limit_but_all_lines_counted() -> None:
    found = examined(*[b"bad"] * 50, max_items=3)
    assert (len(found.invalid), len(found.faults)) == (50, 3)


@pytest.mark.parametrize("lines", [(), (b"", b" "), (b"bad", None)], ids=["nothing", "blank lines", "bad lines"])
def test_a_block_without_an_example_is_known_as_well(lines: tuple[bytes | None, ...]) -> None:
    found = examined(*lines)
    assert [len(column) for column in (found.lines, found.marks, found.prompts, found.answer_hashes)] == [0] * 4
    assert (found.canonical, found.totals) == (b"", Totals())
    assert found.excerpts.items() == found.sampled.items() == []


def test_totals_are_sums() -> None:
    found = examined(asked("Où?", "Là."), ordered("sucta"), answer_with(content="[]"))
    totals = found.totals
    assert totals.roles == {"user": 3, "assistant": 4, "system": 1, "tool": 1}
    assert (totals.questions, totals.json_answers, totals.non_ascii) == (1, 1, 2)
    assert totals.characters == 3 + 3 + (8 + 5 + 0 + 1 + 9) + 5 + 2
    totals.add(examined(asked("Où?", "Là.")).totals)
    assert (totals.roles["user"], totals.questions, totals.non_ascii) == (4, 2, 4)


def test_the_samples_are_taken_by_line() -> None:
    lines = [asked(f"Question {number}", f"Answer {number}") for number in range(3000)]
    found, again = examined(*lines), examined(*lines)
    assert len(found.excerpts.items()) == SAMPLE_EXAMPLES
    assert found.excerpts.items() == again.excerpts.items()
    for text, ids in found.sampled.items():
        assert ids.tolist() == [len(word) for word in text.split()]
        assert ids.base is None  # or it would keep all tokens of the block


def test_a_partial_and_what_it_takes_travel_between_processes() -> None:
    by = Examination(OpenAITokenizer())
    found = block(GOOD, b"bad", ordered("sucta"))
    there = examine(*pickle.loads(pickle.dumps((found, by))))  # noqa: S301
    here = pickle.loads(pickle.dumps(examine(found, by)))  # noqa: S301
    for name in Partial.__struct_fields__:
        one, other = getattr(here, name), getattr(there, name)
        if isinstance(one, np.ndarray):
            assert one.tolist() == other.tolist()
        elif isinstance(one, msgspec.Struct | list | bytes | int):
            assert one == other
    assert here.excerpts.items() == there.excerpts.items()
    assert here.said.signatures.tolist() == there.said.signatures.tolist()
