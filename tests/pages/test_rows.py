"""The rows of a dataset, as a person looks through them."""

import json

import pytest


@pytest.fixture
def rows(analysed):
    """The address of the rows of a file with 30, every third of them with an email address."""
    lines = []
    for number in range(1, 31):
        question = f"Hello {number} <b>" + (f" a{number}@b.se" if number % 3 == 0 else "")
        turns = [("user", question), ("assistant", f"Good day {number}.")]
        lines.append(json.dumps({"messages": [{"role": role, "content": text} for role, text in turns]}))
    return f"/datasets/{analysed(chr(10).join(lines).encode())}/rows"


def test_they_are_reached_from_the_dataset_and_lead_back(visitor, rows):
    dataset = rows.removesuffix("/rows")
    assert rows in visitor.visit(dataset).links
    assert dataset in visitor.visit(rows).links


def test_a_page_leads_to_the_next_and_back(visitor, rows):
    first = visitor.visit(rows)
    assert "Good day 20." in first.text
    assert "Good day 21." not in first.text
    second = visitor.visit(next(link for link in first.links if "line=21" in link))
    assert "Good day 21." in second.text
    assert "Good day 30." in second.text
    assert any(link.endswith("line=1") for link in second.links)


def test_the_rows_of_a_kind_of_private_data_are_a_link_away(visitor, rows):
    page = visitor.visit(rows.removesuffix("/rows"))
    link = next(link for link in page.links if link.endswith("issue=email"))
    shown = visitor.visit(link)
    assert "a3@b.se" in shown.text
    assert "Hello 4 " not in shown.text
    assert "email (10)" in shown.text


def test_words_are_sought_and_marked_and_stay_text(visitor, rows):
    page = visitor.send(visitor.visit(rows).form("/rows"), q="14 <b>", line="")
    assert "Hello <mark>14 &lt;b&gt;</mark>" in page.html
    assert "Good day 14." in page.text
    assert "Good day 15." not in page.text


def test_what_is_nowhere_is_said_to_be_nowhere(visitor, rows):
    assert "No row from line 5 on is like that." in visitor.visit(f"{rows}?q=zebra&line=5").text


@pytest.mark.parametrize("line", ["x", "-1", "99999999999999999999", "²", ""])
def test_a_line_that_is_none_is_the_first(visitor, rows, line):
    assert "Good day 1." in visitor.visit(f"{rows}?line={line}").text


def test_an_issue_that_is_none_is_told(visitor, rows):
    assert "no list of lines" in visitor.visit(f"{rows}?issue=juggling").text
    assert visitor.status == 404
