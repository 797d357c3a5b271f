"""Personal data and secrets: all that is planted is found, little else is, and none of it is repeated."""

import io
import json
import re
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.datasets.lines import names, said
from tests.datasets.planting import MAKERS, planted, prose
from webapp.datasets import Analysis, analyze
from webapp.datasets.contents import look_at_contents
from webapp.datasets.privacy import spans
from webapp.datasets.privacy_kinds import KIND_OF, KINDS

PLANTED = 60
AROUND = [
    "Write to {}.",
    "It is {}, I think",
    "({})",
    "see: {}\nand then",
    "Mine: {}!",
    "日本語{} です",
    '{{"value": "{}"}}',
]


def found(text: str, kind: str) -> list[str]:
    return [text[start:end] for start, end in spans(KIND_OF[kind], text)]


def line(question: str, answer: str = "That is good to know.", **more: object) -> bytes:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": messages, **more}).encode() + b"\n"


def report(*lines: bytes) -> Analysis:
    return analyze(io.BytesIO(b"".join(lines)))


def test_every_kind_is_planted() -> None:
    assert set(MAKERS) == set(KIND_OF)


@pytest.mark.parametrize("kind", KIND_OF)
def test_all_that_is_planted_is_found_where_it_lies(kind: str) -> None:
    random = Random(kind)
    start = prose()[1000:1400]
    for item in planted(kind, PLANTED):
        around = random.choice(AROUND)
        hits = found(f"{start}\n{around.format(item)}\n{start}", kind)
        assert any(item in hit or hit in item for hit in hits), item
        assert len(hits) == 1


@pytest.mark.parametrize("kind", KIND_OF)
def test_the_report_counts_hits_and_examples_and_names_the_first_lines(kind: str) -> None:
    items = planted(kind, PLANTED)
    lines = [line("Hello there"), *(line(f"One {item} two {item}") for item in items)]
    hits = report(*lines).privacy.kinds[kind]
    assert (hits.count, hits.examples) == (2 * PLANTED, PLANTED)
    assert hits.lines == list(range(2, 22))


def test_prose_has_fewer_than_5_false_hits_a_megabyte() -> None:
    text = prose()
    assert len(text) > 1_000_000
    hits = Counter({kind.name: len(found(text, kind.name)) for kind in KINDS})
    # What looks like an address is one: authors', and those of examples in the docstrings.
    false = hits.total() - hits["email"]
    false += sum(bool(re.match(r"\d{10}", address)) for address in found(text, "email"))
    megabytes = len(text) / 1e6
    print(f"{false / megabytes:.1f} false hits a MB in {megabytes:.1f} MB: {dict(+hits)}")
    assert false / megabytes < 5
    assert hits["email"] / megabytes < 30


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("email", "anna@example.com"),
        ("email", "anna@mail.example.org"),
        ("email", "anna@shop.test"),
        ("email", "logo@2x.png"),
        ("email", "@app.route on user@localhost"),
        ("phone", "1.5E+12345680"),
        ("phone", "978-123-456-7890-1"),
        ("phone", "+1234"),
        ("card", "4111 1111 1111 1112"),
        ("card", "1234567812345670"),
        ("card", "9999999999999995"),
        ("ssn", "000-12-3456"),
        ("ssn", "666-12-3456"),
        ("ssn", "900-12-3456"),
        ("ssn", "123-00-4567"),
        ("ssn", "123-45-0000"),
        ("ssn", "12-123-45-6789"),
        ("ipv4", "0.0.0.0"),  # noqa: S104
        ("ipv4", "127.0.0.1 and 127.10.20.30"),
        ("ipv4", "255.255.255.0"),
        ("ipv4", "192.0.2.17, 198.51.100.20 or 203.0.113.99"),
        ("ipv4", "1.2.3.4"),
        ("ipv4", "version 10.15.20.1"),
        ("ipv4", "v10.15.20.1"),
        ("ipv4", "1.3.6.1.4.1.311"),
        ("ipv4", "40.30.20.10.in-addr.arpa"),
        ("iban", "DE88 3704 0044 0532 0130 00"),
        ("iban", "ZZ82 WEST 1234 5698 7654 32"),
        ("iban", "DE89 3704 0044 0532"),
        ("aws_key", "AKIAIOSFODNN7EXAMPLE"),
        ("github_token", "ghp_" + "x" * 36),
        ("model_api_key", "sk-text-repr-fallback-estimator"),
        ("model_api_key", "sk-" + "x" * 40),
        ("model_api_key", "task-1234567890ABCDEFGHIJKL"),
        ("password", 'password = "<your password>"'),
        ("password", "password: '********'"),
        ("password", 'token = "${GITHUB_TOKEN}"'),
        ("password", "The password: at least 8 characters"),
        ("jwt", "eyJhbGciOiJIUzI1NiJ9"),
    ],
)
def test_what_is_none(kind: str, text: str) -> None:
    assert found(text, kind) == []


@pytest.mark.parametrize("address", ["jürgen.groß@corp.de", "anna@müller.de", "Żaneta@corp.pl", "юра@почта.рф"])
def test_addresses_are_found_whole_in_letters_beyond_ascii(address: str) -> None:
    assert found(f"写信给{address}, bitte", "email") == [address]
    assert report(line("Hello there"), line(f"写信给{address}, bitte")).privacy.kinds["email"].lines == [2]


@pytest.mark.parametrize("kind", ["card", "iban"])
def test_check_digits_that_are_off_by_one_are_refused(kind: str) -> None:
    for item in planted(kind, PLANTED):
        last = len(item) - 1
        wrong = item[:last] + str((int(item[last]) + 1) % 10)
        assert (found(item, kind), found(wrong, kind)) == ([item], [])


def test_a_false_start_does_not_hide_what_begins_within_it() -> None:
    assert found("order 1234 4111 1111 1111 1111", "card") == ["4111 1111 1111 1111"]
    assert found("AB12 3456 7890 DE89 3704 0044 0532 0130 00", "iban") == ["DE89 3704 0044 0532 0130 00"]


def test_nothing_that_was_found_is_in_the_report() -> None:
    items = [item for kind in KIND_OF for item in planted(kind, 3)]
    body = json.dumps(report(*(line(item, f"You said {item}") for item in items)).to_dict())
    for item in items:
        assert item not in body
        assert json.dumps(item)[1:-1] not in body


def test_the_issues_say_what_and_where() -> None:
    lines = [
        line("Nothing"),
        line("Mail anna@lind.se, bo@lind.se"),
        line("AKIA" + "ABCDEFGHIJKLMNOP"),
        line("+46 8 123 456 78"),
    ]
    issues = {issue.code: issue for issue in report(*lines).quality_issues}
    assert (issues["personal_data"].severity, issues["personal_data"].lines) == ("warning", [2, 4])
    assert issues["personal_data"].count == 2
    assert "2 e-mail addresses, 1 phone number." in issues["personal_data"].message
    assert (issues["secrets"].severity, issues["secrets"].lines) == ("warning", [3])
    assert "1 AWS access key id." in issues["secrets"].message


def test_every_text_of_an_example_is_searched() -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": '{"password": "hunter2-hunter2"}'}}
    tools = [{"type": "function", "function": {"name": "f", "description": "Asks 81.2.69.142"}}]
    messages = [
        {"role": "system", "content": "You are anna@lind.se"},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]
    example = json.dumps({"messages": messages, "tools": tools}).encode()
    assert set(report(example).privacy.kinds) == {"password", "ipv4", "email"}


def test_clean_data_has_no_kinds_and_no_issue() -> None:
    clean = report(line("Hello there"))
    assert clean.privacy.kinds == {}
    assert not {"personal_data", "secrets"} & {issue.code for issue in clean.quality_issues}


pieces = st.sampled_from(
    ["@", "a", "1", "-", ".", " ", "+", "sk-", "eyJ", "DE89", "4111", "password='", "'", "\n", "é", "(", ")"]
)


@given(st.text(st.characters(codec="utf-8")) | st.lists(pieces, max_size=60).map("".join))
def test_no_text_stops_the_scan_and_hits_are_in_order(text: str) -> None:
    contents = look_at_contents(said(text, text))
    for kind in KINDS:
        places = [place for span in spans(kind, text) for place in span]
        assert places == sorted(places)
    alone = {kind.name: len(list(spans(kind, text))) for kind in KINDS}
    # What is in two texts of an example is met twice, and nothing reads from one into the other.
    assert contents.hits == +Counter({kind: 2 * count for kind, count in alone.items()})
    assert names(contents.marks[0]) & set(KIND_OF) == set(contents.hits)


HOSTILE = {
    "one letter": "a",
    "dots after an at": "x" * 64 + "@" + "a." * 500,
    "half a token": "-eyJ",
    "groups of digits": "4444 ",
    "blocks of an IBAN": "AB12 ",
    "octets": "255.",
    "plus signs": "+12 34 ",
    "keys without a value": "token=",
    "gaps": "[NAME](",
    "half-opened": "{{a",
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
def test_work_on_a_hostile_line_is_in_proportion_to_it(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """4 MiB with a true item of every kind, so that every pattern is confirmed over the whole line."""
    text = unit * (4 * 1024 * 1024 // len(unit)) + " ".join(["", *(planted(kind, 1)[0] for kind in KIND_OF)])
    looked = Counter[str]()
    for kind in KINDS:
        if kind.confirm:
            confirm = kind.confirm

            def counted(match: re.Match[str], name: str = kind.name, confirm=confirm) -> bool:  # type: ignore[no-untyped-def]
                looked[name] += 1
                return bool(confirm(match))

            monkeypatch.setitem(KIND_OF, kind.name, type(kind)(kind.name, kind.group, kind.what, kind.pattern, counted))
    assert look_at_contents(said("Hi", text)).hits
    assert max(looked.values()) <= len(text) / 4


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_no_pattern_is_without_a_bound(kind: object) -> None:
    """What bounds `re`'s work at each place of a text."""
    pattern = kind.pattern  # type: ignore[attr-defined]
    assert not re.search(r"(?<!\\)[*+](?![^\[]*\])|\{\d+,\}", re.sub(r"\\.", "", pattern)), pattern
