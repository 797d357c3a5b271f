"""Exact duplicates by digest."""

from webapp.datasets.duplicates import Digests


def repeated(*lines: str) -> list[int]:
    digests = Digests()
    for line in lines:
        digests.add(line.encode())
    return [int(index) for index in digests.repeated()]


def test_what_repeats_an_earlier_line_is_found_wherever_it_is() -> None:
    assert repeated("a", "b", "a", "c", "b", "a") == [2, 4, 5]


def test_different_lines_are_not_duplicates() -> None:
    assert repeated(*(str(number) for number in range(10_000))) == []


def test_one_line_and_none() -> None:
    assert repeated("a") == repeated() == []


def test_the_first_of_many_equal_lines_stays() -> None:
    assert repeated(*["a"] * 1000) == list(range(1, 1000))
