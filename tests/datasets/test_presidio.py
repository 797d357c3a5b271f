"""The second look at flagged examples: with a stand-in for Presidio, and with Presidio where it is installed."""

import socket
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from tests.datasets.lines import ANSWER, GOOD, USER, called, line, user_with
from webapp.datasets import Examples, ExampleWriter, analyze
from webapp.datasets.presidio import MAX_CHARACTERS, presidio_search, second_look
from webapp.datasets.report import PrivacyHits
from webapp.errors import Problem

MAIL = user_with(content="Write to joe@initech.org")


@pytest.fixture
def kept(tmp_path: Path) -> Callable[..., Examples]:
    """The examples of a file of these lines."""

    def keep(*lines: bytes) -> Examples:
        with ExampleWriter(tmp_path) as sink:
            analyze(BytesIO(b"\n".join(lines)), sink=sink)
        return Examples(tmp_path)

    return keep


def words(text: str) -> Iterator[str]:
    """Finds each word that ends in a digit."""
    return ("number" for word in text.split() if word[-1].isdigit())


def test_only_flagged_examples_are_searched(kept: Callable[..., Examples]) -> None:
    seen: list[str] = []
    found = second_look(kept(GOOD, b"{}", MAIL, user_with(content="a 1")), lambda text: seen.append(text) or ())
    assert seen == ["Write to joe@initech.org", "Good day."]
    assert (found.flagged, found.looked_at, found.cut, found.kinds) == (1, 1, 0, {})


def test_hits_are_counted_and_placed_by_line_and_never_shown(kept: Callable[..., Examples]) -> None:
    twice = user_with(content="joe@initech.org 12 34")
    found = second_look(kept(MAIL, b"bad", twice, twice), words)
    assert found.kinds == {"number": PrivacyHits(4, 2, [3, 4])}


def test_secrets_flag_an_example_and_the_arguments_of_calls_are_searched(kept: Callable[..., Examples]) -> None:
    key = "AKIAQWERTYUIOPASDFGH"
    found = second_look(
        kept(line(USER, called({"key": key, "at": "x 7"}), ANSWER)), lambda text: ["any"] * (key in text)
    )
    assert found.kinds == {"any": PrivacyHits(1, 1, [1])}


def test_rows_and_texts_are_bounded_and_the_report_says_so(kept: Callable[..., Examples]) -> None:
    lengths: list[int] = []
    long = user_with(content="joe@initech.org " + "x" * MAX_CHARACTERS)
    found = second_look(kept(long, MAIL, MAIL), lambda text: lengths.append(len(text)) or (), max_examples=2)
    assert (found.flagged, found.looked_at, found.cut) == (3, 2, 1)
    assert max(lengths) == MAX_CHARACTERS


def test_without_the_extra_the_problem_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(Problem, match=r"pip install 'tunebook\[presidio\]'") as caught:
        presidio_search()
    assert (caught.value.code, caught.value.exit_code) == ("presidio_not_installed", 3)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_presidio_finds_what_patterns_can_tell_without_a_network(
    kept: Callable[..., Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("presidio_analyzer")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("the network was asked for"))
    content = "joe@initech.org, call (212) 555-0147, card 4111111111111111, SSN 536-90-4399"
    found = second_look(kept(GOOD, user_with(content=content)), presidio_search())
    assert found.kinds == {kind: PrivacyHits(1, 1, [2]) for kind in ("credit_card", "phone_number", "us_ssn")}
