"""The start page: a file or the sample comes in."""

import re
from html import unescape
from io import BytesIO

import pytest

from tests.conftest import conversation
from webapp.datasets.opening import open_rows

FORMATS = {
    "OpenAI messages": "openai_messages",
    "ShareGPT": "sharegpt",
    "Alpaca": "alpaca",
    "Prompt and completion": "prompt_completion",
    "Question and answer": "question_answer",
    "Columns of a CSV, TSV or Parquet file": "question_answer",
}
EXAMPLE = re.compile(r'aria-label="Example: ([^"]+)" data-kind="(\w+)"><code>(.*?)</code>', re.DOTALL)


def upload_form(visitor):
    (form,) = [form for form in visitor.visit("/").forms if form.encoding == "multipart/form-data"]
    return form


def test_a_file_leads_to_its_dataset(visitor):
    page = visitor.send(upload_form(visitor), file=(BytesIO(b'{"messages": []}'), "chats.jsonl"))
    assert visitor.status == 200
    assert visitor.path.startswith("/datasets/")
    assert "chats.jsonl" in page.text


def test_the_sample_is_one_click(visitor):
    page = visitor.send(visitor.visit("/").form("/datasets/sample"))
    assert visitor.path.startswith("/datasets/")
    assert "harbour_bikes.jsonl" in page.text


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ((BytesIO(b""), "a.jsonl"), "The file is empty."),
        ((BytesIO("{}".encode("utf-16")), "a.jsonl"), "UTF-16"),
        ((BytesIO(b""), ""), "Send the dataset"),
    ],
    ids=["empty", "UTF-16", "no file chosen"],
)
def test_a_refused_file_is_told_in_a_sentence_above_the_form(visitor, file, sentence):
    page = visitor.send(upload_form(visitor), file=file)
    assert visitor.status == 400
    assert sentence in page.text
    assert any(form.encoding == "multipart/form-data" for form in page.forms)


def test_every_example_of_a_format_is_read_as_what_it_is_an_example_of(visitor):
    found = {}
    for name, kind, example in EXAMPLE.findall(visitor.visit("/").html):
        with open_rows(BytesIO(unescape(example).encode() + b"\n"), name=f"a.{kind}") as rows:
            found[name] = rows.layout.format
    assert found == FORMATS


def test_the_script_is_told_the_limit_and_where_to_send(visitor, settings):
    html = visitor.visit("/").html
    assert f'data-limit="{settings.max_upload_bytes}" data-small="/upload" data-parts="/v1/uploads"' in html
    assert 'data-arrival="/datasets/ID/arrival"' in html


def test_what_the_script_has_sent_leads_to_its_dataset(client, send):
    session_id = send(str(conversation(1)).encode()).json["session_id"]
    answer = client.post(f"/datasets/{session_id}/arrival", headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, answer.location) == (303, f"/datasets/{session_id}")
    assert client.post("/datasets/none/arrival").status_code == 404


def test_another_website_leads_nobody_to_a_dataset(client, send):
    path = f"/datasets/{send(b'{}').json['session_id']}/arrival"
    assert client.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_an_unknown_page_leads_back(visitor):
    page = visitor.visit("/no/such/page")
    assert visitor.status == 404
    assert "There is nothing at this address." in page.text
    assert "/" in page.links
