"""The start page: a file or the sample comes in."""

from io import BytesIO

import pytest


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


def test_an_unknown_page_leads_back(visitor):
    page = visitor.visit("/no/such/page")
    assert visitor.status == 404
    assert "There is nothing at this address." in page.text
    assert "/" in page.links
