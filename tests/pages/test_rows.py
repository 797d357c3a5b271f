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
    read = next(link for link in visitor.page.links if link.startswith(f"{rows}?as="))
    assert "reads it" in visitor.visit(read).text
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


def test_rows_are_shown_as_a_model_reads_them_and_the_links_keep_that(visitor, sample):
    page = visitor.visit(f"/datasets/{sample}/rows?as=smollm2-1.7b&q=deposit")
    assert "Line 1 as SmolLM2 1.7B Instruct reads it" in page.text
    written = page.html.replace("&lt;", "<").replace("&gt;", ">")
    assert "<span><|im_start|>user\n</span><span>whats the deposit for<|im_end|>\n</span>" in written
    assert '<mark class="learned"><span class="unseen">learned: </span>You ask what the deposit is for.' in page.html
    assert page.form("/rows").fields["as"] == "smollm2-1.7b"
    assert next(link for link in page.links if "line=" in link and "alone" not in link).count("deposit") == 1
    assert all("as=smollm2-1.7b" in link for link in page.links if "line=" in link)


def test_a_model_that_is_none_is_told(visitor, rows):
    visitor.visit(f"{rows}?as=gpt-17")
    assert visitor.status == 404


def test_long_messages_are_folded_and_cut_and_all_of_a_row_is_a_link_away(visitor, analysed):
    turns = [("user", "word " * 400), ("assistant", "<deep> " * 40_000)]
    row = json.dumps({"messages": [{"role": role, "content": text} for role, text in turns]}).encode()
    dataset = analysed(b"\n".join([row] * 3))
    page = visitor.visit(f"/datasets/{dataset}/rows")
    assert "All 2,000 characters" in page.text
    assert "More of line 3" in page.text
    page = visitor.visit(next(link for link in page.links if "alone=1" in link and "line=3" in link))
    assert page.html.count('<article class="conversation"') == 1
    assert "More of its 280,000 characters" in page.text
    assert any(link.startswith(f"/preview/{dataset}") and "page=3" in link for link in page.links)


def test_rows_of_very_many_messages_are_shown_in_part(visitor, analysed):
    turns = [{"role": role, "content": f"{role} {n}"} for n in range(600) for role in ("user", "assistant")]
    rows = b"\n".join([json.dumps({"messages": turns}).encode()] * 20)
    address = f"/datasets/{analysed(rows)}/rows"
    for query in ("", "?as=qwen3-0.6b", "?alone=1"):
        page = visitor.visit(address + query)
        assert "not shown here" in page.text
        assert len(page.html.encode()) < 110_000


def test_bad_lines_are_shown_raw_page_by_page(visitor, analysed):
    good = json.dumps({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]})
    dataset = analysed("\n".join([good, *[f'{{"n": {n} <b>}}' for n in range(30)]]).encode())
    page = visitor.visit(f"/datasets/{dataset}/rows?issue=invalid_lines")
    assert "30 lines are no valid examples" in page.text
    assert '<bdi>{&#34;n&#34;: 0 </bdi><mark><span class="unseen">here: </span><bdi>&lt;</bdi></mark>' in page.html
    page = visitor.visit(next(link for link in page.links if "line=22" in link))
    assert "Line 31, 13 bytes" in page.text
    assert any("line=2" in link for link in page.links)


def test_kinds_of_conversations_can_be_chosen_where_they_differ(visitor, sample):
    assert "several turns" in visitor.visit(f"/datasets/{sample}/rows").text
    page = visitor.visit(f"/datasets/{sample}/rows?issue=multi_turn")
    assert page.html.count('class="message user"') >= 2 * page.html.count('<article class="conversation"')


@pytest.mark.parametrize(
    "query", ["", "?as=qwen3-0.6b", "?q=w", "?issue=invalid_lines"], ids=["rows", "read", "sought", "bad"]
)
def test_pages_of_a_hostile_dataset_are_light(visitor, hostile, query):
    page = visitor.visit(f"/datasets/{hostile}/rows{query}")
    assert page.html.count('<article class="conversation"') >= 4
    assert len(page.html.encode()) < 110_000
