"""What the texts of examples hold."""

from tests.datasets.lines import asked, line, names, pieces_of, said
from webapp.datasets.contents import look_at_contents


def test_hits_are_counted_by_kind_and_their_examples_marked() -> None:
    found = look_at_contents(
        pieces_of(
            asked("Mail anna@lind.se, bo@lind.se", "Fine."),
            asked("Nothing", "here"),
            asked("It is 81.2.69.142", "Or cy@lind.se"),
        )
    )
    assert found.hits == {"email": 3, "ipv4": 1}
    assert list(map(names, found.marks)) == [{"email"}, set(), {"email", "ipv4"}]


def test_markers_count_in_answers_only_and_of_any_weight() -> None:
    gap = "Dear [NAME], hello"
    untrained = {"role": "assistant", "content": gap, "weight": 0}
    told = line({"role": "user", "content": "Hi"}, untrained, {"role": "assistant", "content": "Good day."})
    found = look_at_contents(pieces_of(asked(gap, "Good day."), asked("Hi", gap), told))
    assert list(map(names, found.marks)) == [set(), {"placeholders"}, {"placeholders"}]


def test_the_same_mark_elsewhere_does_not_hide_that_no_answer_has_it() -> None:
    assert names(look_at_contents(said("TODO", "Fine.", "TODO", letters="sau")).marks[0]) == set()


def test_nothing_reads_from_one_text_into_the_next() -> None:
    assert look_at_contents(said("My mail is anna@", "lind.se, thank you")).hits == {}
    assert look_at_contents(pieces_of(asked("a", "My mail is anna@"), asked("lind.se", "a"))).hits == {}


def test_no_example_at_all() -> None:
    found = look_at_contents(pieces_of())
    assert (len(found.marks), found.hits) == (0, {})
