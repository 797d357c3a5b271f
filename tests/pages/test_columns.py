"""What the columns of a dataset are: asked for, answered, and answered otherwise."""

import json

import pytest

from webapp import workflow
from webapp.accounts import LOCAL

TABLE = "frage,antwort,nr\n" + "".join(f"Wo ist Rad {n}?,Am Anleger {n % 7}. ,{n}\n" for n in range(9))
CHANGE = "Change what the columns are"


@pytest.fixture
def sent(services):
    """Sends a table whose columns say nothing, with a mapping where one is given; answers the address of its page."""

    def send_table(mapping=None):
        made = workflow.upload(services, LOCAL, "fragen.csv", [TABLE.encode()], lambda: mapping)
        return f"/datasets/{made.id}"

    return send_table


@pytest.fixture
def table(sent, work):
    """The same, and has it analysed."""

    def analyse_table(mapping=None):
        path = sent(mapping)
        work()
        return path

    return analyse_table


def chosen(page):
    """The part that each column is chosen for."""
    fields = page.form("/columns").fields
    return {fields[f"column-{number}"]: fields[f"part-{number}"] for number in range(1, len(fields) // 2 + 1)}


def is_open(page):
    return '<details id="columns" open>' in page.html


def test_a_mapping_without_a_valid_row_can_be_corrected(visitor, table, work):
    page = visitor.visit(table({"frage": "messages"}))
    assert "None of the 9 lines is a valid example" in page.text
    assert CHANGE in page.text
    assert is_open(page)
    assert "Analyse it again" not in page.text
    assert chosen(page) == {"frage": "messages", "antwort": "", "nr": ""}
    assert "Wo ist Rad 0?" in page.text
    visitor.send(page.form("/columns"), **{"part-1": "prompt", "part-2": "completion"})
    work()
    assert "Valid conversations 9" in visitor.visit(visitor.path).text


def test_a_mapping_that_made_a_report_can_be_changed_in_it(visitor, table, work, services):
    page = visitor.visit(table({"frage": "completion", "antwort": "prompt"}))
    assert "Valid conversations 9" in page.text
    assert CHANGE in page.text
    assert not is_open(page)
    assert chosen(page) == {"frage": "completion", "antwort": "prompt", "nr": ""}
    visitor.send(page.form("/columns"), **{"part-1": "prompt", "part-2": "completion", "part-3": "system"})
    work()
    page = visitor.visit(visitor.path)
    assert chosen(page) == {"frage": "prompt", "antwort": "completion", "nr": "system"}
    (first,) = workflow.preview(services, LOCAL, visitor.path.split("/")[2], 1, 1).examples
    assert [message["role"] for message in first.messages] == ["system", "user", "assistant"]


def test_columns_that_were_told_by_their_names_can_be_changed_too(visitor, send, work):
    dataset = send(b"question,answer,remark\nWhat?,That.,Indeed.\n", "a.csv").json["session_id"]
    work()
    page = visitor.visit(f"/datasets/{dataset}")
    assert chosen(page) == {"question": "prompt", "answer": "completion", "remark": ""}


def test_a_file_that_was_read_but_holds_nothing_valid_shows_how_it_was_read(visitor, analysed):
    page = visitor.visit(f"/datasets/{analysed(json.dumps({'messages': [], 'id': 1}).encode())}")
    assert visitor.status == 400
    assert chosen(page) == {"messages": "messages", "id": ""}
    assert not is_open(page)


@pytest.mark.parametrize("mapping", [None, {"frage": "prompt", "antwort": "completion"}, {"frage": "messages"}])
def test_a_refused_mapping_stays_as_it_was_chosen(visitor, table, mapping):
    page = visitor.visit(table(mapping))
    twice = {"part-1": "prompt", "part-2": "prompt", "part-3": "input"}
    page = visitor.send(page.form("/columns"), **twice)
    assert visitor.status == 400
    assert "2 columns are mapped to prompt" in page.text
    assert chosen(page) == {"frage": "prompt", "antwort": "prompt", "nr": "input"}
    assert is_open(page) == (mapping is not None)


def test_a_mapping_of_a_column_that_is_not_there_is_kept_as_far_as_it_goes(visitor, table):
    page = visitor.visit(table({"frage": "prompt", "antwrt": "completion"}))
    assert "Did you mean 'antwort'?" in page.text
    assert "Which column is what?" in page.text
    assert chosen(page) == {"frage": "prompt", "antwort": "", "nr": ""}


def test_a_cancelled_analysis_goes_on_as_it_was_or_with_other_columns(visitor, sent):
    page = visitor.visit(sent({"frage": "prompt", "antwort": "completion"}))
    page = visitor.send(page.form("/analysis/cancel"))
    assert "Analyse it again" in page.text
    assert chosen(page) == {"frage": "prompt", "antwort": "completion"}
    assert not is_open(page)


def test_what_a_fix_wrote_has_no_columns_to_choose(visitor, table, work, services):
    dataset = table({"frage": "prompt", "antwort": "completion"}).removeprefix("/datasets/")
    workflow.start_fix(services, LOCAL, dataset, [{"name": "trim"}], preview=False)
    work()
    fixed = workflow.versions(services, LOCAL, dataset).current_id
    assert fixed != dataset
    page = visitor.visit(f"/datasets/{fixed}")
    assert "Valid conversations 9" in page.text
    assert CHANGE not in page.text
    assert CHANGE in visitor.visit(f"/datasets/{dataset}").text


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [{"Fräge": "Was?", "die Antwort": "Das."}],
            'for instance "Fräge" as question or prompt and "die Antwort" as answer to learn.',
        ),
        (
            [{"prompt": "a", "completion": "b", "response": "c"}],
            'prompt_completion (3 of 3): "prompt" as question or prompt and "response" as answer to learn.',
        ),
        (
            [{"prompt": "a", "chosen": "b", "rejected": "c"}],
            'keep that column: "prompt" as question or prompt and "chosen" as answer to learn.',
        ),
    ],
)
def test_the_page_speaks_of_its_form_and_the_api_of_its_options(visitor, analysed, client, rows, said):
    dataset = analysed(b"\n".join(json.dumps(row).encode() for row in rows * 3))
    page = visitor.visit(f"/datasets/{dataset}")
    assert f"{said} The form below is for that." in page.text
    assert "--map" not in page.text
    assert "Which column is what?" in page.text
    assert "--map" in client.get(f"/analyze/{dataset}").json["detail"]
