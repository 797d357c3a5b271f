"""The page of a dataset: what is wrong with it, and the way on."""

import gzip
import json
import os
import re
import uuid

import pytest
from sqlalchemy import select

from webapp.errors import Problem
from webapp.jobs import attempts, claim, run_child
from webapp.storage.tables import Job
from webapp.workflow import kinds

HOSTILE = "<script>alert(1)</script>\"'>{{ 7*7 }}{% x %}\u2028</textarea><img src=x onerror=alert(1)>"


def line(question, answer="Good day."):
    return json.dumps(
        {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
    ).encode()


def test_while_the_analysis_runs_the_page_says_so_and_reloads(visitor, send, work):
    path = f"/datasets/{send(line('Hello')).json['session_id']}"
    page = visitor.visit(path)
    assert page.refresh
    assert "Analysing data.jsonl" in page.text
    work()
    assert not visitor.visit(path).refresh


def test_the_page_follows_the_stream_of_the_analysis(visitor, client, send):
    page = visitor.visit(f"/datasets/{send(line('Hello')).json['session_id']}")
    (stream,) = re.findall(r'data-stream="(/jobs/[^"]+/stream)" data-after="0"', page.html)
    with client.get(stream) as answer:
        assert answer.mimetype == "text/event-stream"


def test_an_analysis_is_called_off(visitor, send, work):
    page = visitor.visit(f"/datasets/{send(line('Hello')).json['session_id']}")
    page = visitor.send(page.form("/analysis/cancel"))
    assert "The analysis of this dataset was cancelled" in page.text
    work()
    page = visitor.visit(visitor.path)
    assert "The analysis of this dataset was cancelled" in page.text
    again = page.form("/analysis")
    assert "Analysing data.jsonl" in visitor.send(again).text
    work()
    assert "Valid conversations 1" in visitor.send(again).text


def test_an_analysis_is_taken_up_with_the_mapping_that_it_had(visitor, send, services, work):
    dataset = send(b"frage,antwort\nWas?,Das.\n", "a.csv").json["session_id"]
    with services.db.session() as session:
        session.scalars(select(Job).where(Job.dataset_id == dataset)).one().params = {"map": {"frage": "prompt"}}
    visitor.send(visitor.visit(f"/datasets/{dataset}").form("/analysis/cancel"))
    visitor.send(visitor.page.form("/analysis"))
    with services.db.reading() as session:
        jobs = session.scalars(select(Job).where(Job.dataset_id == dataset).order_by(Job.created_at)).all()
    assert [(job.status, job.params) for job in jobs][1:] == [("queued", {"map": {"frage": "prompt"}})]
    work()


def test_one_that_is_to_stop_says_so_and_one_that_is_done_is_shown(visitor, send, services, work):
    page = visitor.visit(f"/datasets/{send(line('Hello')).json['session_id']}")
    job = claim(services.db, "test", 60)
    assert "Calling it off" in visitor.send(page.form("/analysis/cancel")).text
    assert not [form for form in visitor.page.forms if "cancel" in form.action]
    run_child(services.db, job.id, job.attempt, kinds.job_kinds(services))
    page = visitor.visit(f"/datasets/{send(line('Hello')).json['session_id']}")
    work()
    assert "Valid conversations 1" in visitor.send(page.form("/analysis/cancel")).text


def test_the_analysis_is_there_with_its_numbers(visitor, sample):
    page = visitor.visit(f"/datasets/{sample}")
    assert "Valid conversations 300" in page.text
    assert "Tokens 35,102" in page.text
    assert "300 of 300 lines are valid examples" in page.text
    assert "whats the deposit for" in page.text
    assert "Harbour Bikes" in page.text


def test_private_data_is_told_by_kind_and_line(visitor, analysed):
    session_id = analysed(line("Hello") + b"\n" + line("Write to anna@lind.se"))
    page = visitor.visit(f"/datasets/{session_id}")
    assert "email 1 1 2" in page.text
    assert "Languages: " in visitor.visit(f"/datasets/{analysed(line('Where can I leave the bicycle tonight?'))}").text


def test_problems_are_counted_by_severity_with_rows_and_a_fix_each(visitor, analysed, work):
    rows = [line("Hello"), line("Hello"), line("Write to anna@lind.se"), b"oops"]
    page = visitor.visit(f"/datasets/{analysed(chr(10).encode().join(rows))}")
    assert "1 error 4 warnings" in page.text
    assert "In the way of training 1 error" in page.text
    assert "tunebook fix" not in page.text
    dataset = visitor.path
    visitor.visit(next(link for link in page.links if "issue=exact_duplicates" in link))
    assert visitor.page.html.count('<article class="conversation"') == 1
    visitor.visit(next(link for link in page.links if "issue=invalid_lines" in link))
    assert "Bad lines of data.jsonl" in visitor.page.text
    assert 'name="preview" value="[{&#34;name&#34;: &#34;redact&#34;}]"' in page.html
    visitor.send(page.form("/fixes"), preview='[{"name": "redact"}]', dedupe="1")
    work()
    assert "Redact private data. This is a preview" in visitor.visit(visitor.path).text
    assert dataset in visitor.page.links


def test_a_single_line_is_told_as_one(visitor, analysed):
    dataset_id = analysed(b"\n".join([*(line(f"Question {number}?") for number in range(20)), b"oops"]))
    text = visitor.visit(f"/datasets/{dataset_id}").text
    assert "1 affected; line 21." in text
    assert "1 line is left out; every other one counts." in text


def test_the_score_is_shown_part_by_part(visitor, sample):
    page = visitor.visit(f"/datasets/{sample}")
    assert page.html.count("<meter ") == 5
    assert "validity 100%" in page.text
    assert "Weighs 30%. 300 of 300 lines are valid examples." in page.text


def test_what_repeats_is_drawn_and_leads_to_its_rows(visitor, analysed):
    page = visitor.visit(f"/datasets/{analysed(chr(10).encode().join([line('Hello')] * 3 + [line('Else?')] * 2))}")
    assert "Groups of exact duplicates by size" in page.text
    assert "2 groups, most of them (1) in 2 rows." in page.text
    assert any(link.endswith("line=3&alone=1") for link in page.links)


def test_the_page_of_a_hostile_dataset_is_light(visitor, hostile):
    page = visitor.visit(f"/datasets/{hostile}")
    assert "Valid conversations 20" in page.text
    assert len(page.html.encode()) < 110_000


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b" \n\t\n", "The file"),
        (gzip.compress(os.urandom(5000).hex().encode())[:-100], "damaged or was cut off"),
        (gzip.compress(b"%PDF-1.7\n"), "This is a PDF"),
    ],
    ids=["blank", "cut off", "no text"],
)
def test_no_fix_is_offered_where_nothing_could_be_read(visitor, analysed, content, sentence):
    page = visitor.visit(f"/datasets/{analysed(content)}")
    assert visitor.status == 400
    assert sentence in page.text
    assert not [form for form in page.forms if form.action.endswith(("/fixes", "/analysis"))]


def test_an_analysis_whose_process_died_can_be_taken_up_again(visitor, send, services, work):
    dataset = send(line("Hello")).json["session_id"]
    job = claim(services.db, "test", 60)
    attempts.fail(services.db, job.id, job.attempt, Problem("job_died", "It is gone.", status=500).to_dict())
    again = visitor.visit(f"/datasets/{dataset}").form("/analysis")
    visitor.send(again)
    work()
    assert "Valid conversations 1" in visitor.visit(f"/datasets/{dataset}").text


def test_where_no_line_is_valid_fixes_are_offered(visitor, analysed):
    assert visitor.visit(f"/datasets/{analysed(b'not json')}").form("/fixes")


def test_bad_lines_are_named(visitor, analysed):
    session_id = analysed(line("Hello") + b'\nnot json\n{"messages": []}\n')
    page = visitor.visit(f"/datasets/{session_id}")
    assert "Bad lines 2" in page.text
    assert "Line 2, 8 bytes invalid_json at column 1" in page.text
    assert "empty_messages at column 14, $.messages" in page.text
    assert '<bdi>{&#34;messages&#34;: </bdi><mark><span class="unseen">here: </span><bdi>[</bdi></mark>' in page.html


def test_a_file_without_any_example_is_told_with_its_first_bad_lines(visitor, analysed):
    page = visitor.visit(f"/datasets/{analysed(b'not json')}")
    assert visitor.status == 400
    assert "The only line is no valid example." in page.text
    assert '<mark><span class="unseen">here: </span><bdi>n</bdi></mark><bdi>ot json</bdi>' in page.html
    assert "Line 1, 8 bytes invalid_json at column 1" in page.text
    assert "/" in page.links


def test_a_question_about_the_columns_is_a_form_on_the_page(visitor, analysed, work):
    rows = json.dumps({"frage": f"Was? {HOSTILE}", "antwort": "Das.", HOSTILE: 7}).encode() + b"\n"
    page = visitor.visit(f"/datasets/{analysed(rows * 3)}")
    assert visitor.status == 400
    assert "Which columns hold the question and the answer?" in page.text
    form = page.form("/columns")
    assert form.fields == {
        "column-1": "frage",
        "part-1": "",
        "column-2": "antwort",
        "part-2": "",
        "column-3": HOSTILE,
        "part-3": "",
    }
    page = visitor.send(form)
    assert visitor.status == 400
    assert "Map one column to" in page.text
    page = visitor.send(page.form("/columns"), **{"part-1": "prompt", "part-2": "completion"})
    assert "Analysing" in page.text
    work()
    page = visitor.visit(visitor.path)
    assert "Read as prompt completion from jsonl: frage is question or prompt, antwort is answer to learn." in page.text
    assert "100% of the first 3 lines fit." in page.text


def test_rows_of_a_table_are_called_rows(visitor, send, work):
    session_id = send(b"question,answer\nWhat?,That.\n", "a.csv").json["session_id"]
    work()
    assert "Lines below are rows, counted from 1 without the header." in visitor.visit(f"/datasets/{session_id}").text


def test_hostile_text_is_shown_as_text(visitor, send, work):
    session_id = send(line(HOSTILE, HOSTILE), "<b>bold</b>.jsonl").json["session_id"]
    work()
    page = visitor.visit(f"/datasets/{session_id}")
    assert HOSTILE in "".join(page.words)
    assert "b>.jsonl" in page.text


def test_the_way_on_is_to_choose_a_model_and_says_what_the_rows_look_like(visitor, sample):
    page = visitor.visit(f"/datasets/{sample}")
    assert "The data looks like " in page.text
    assert f"/datasets/{sample}/models" in page.links


def test_an_unknown_dataset_is_404(visitor):
    assert "There is no dataset with this id" in visitor.visit(f"/datasets/{uuid.uuid4()}").text
    assert visitor.status == 404
