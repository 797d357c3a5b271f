"""The page of a dataset: what is wrong with it, which model suits it, the plan."""

import json
import uuid

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.catalog import find_model
from webapp.notebooks import plan_run
from webapp.workflow import kinds

HOSTILE = "<script>alert(1)</script>\"'>{{ 7*7 }}{% x %}\u2028</textarea><img src=x onerror=alert(1)>"


def line(question, answer="Good day."):
    return json.dumps(
        {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
    ).encode()


@pytest.fixture
def asked(visitor, sample):
    """The page once models have been recommended."""
    form = visitor.visit(f"/datasets/{sample}").form(f"/datasets/{sample}#models")
    return visitor.send(form, task_type="conversation", deployment_target="desktop")


def choose(visitor, page, model_id):
    (link,) = [link for link in page.links if f"model_id={model_id}" in link]
    return visitor.visit(link.split("#")[0])


def test_while_the_analysis_runs_the_page_says_so_and_reloads(visitor, send, work):
    path = f"/datasets/{send(line('Hello')).json['session_id']}"
    page = visitor.visit(path)
    assert page.refresh
    assert "Analysing data.jsonl" in page.text
    work()
    assert not visitor.visit(path).refresh


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
    assert "None of the 1 lines is a valid example." in page.text
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


def test_models_are_recommended_with_reasons_and_the_others_are_left_out_with_reasons(asked):
    assert "Models that fit, best first" in asked.text
    assert "of the 14.75 GiB" in asked.text
    assert "Left out:" in asked.text


def test_with_the_models_it_is_said_whether_to_fine_tune_at_all(asked):
    assert "Is fine-tuning the right thing? Looking up the most similar of 331 prompts gets" in asked.text
    assert "ROUGE-L on 33 held-out answers" in asked.text


def test_a_gate_that_is_not_measured_yet_is_said_to_follow(visitor, send, services, work, monkeypatch):
    """The report is there before the gate: asked for in between, the page says so."""
    seen = []

    def look(services, dataset_id):
        form = visitor.visit(f"/datasets/{dataset_id}").form(f"/datasets/{dataset_id}#models")
        seen.append(visitor.send(form, deployment_target="desktop").text)

    monkeypatch.setattr(kinds, "keep_findings", look)
    send(b"\n".join(line(f"Hello {number}") for number in range(20)))
    work()
    assert "Not measured yet: it follows the analysis within seconds." in seen[0]


def test_a_gate_that_will_not_be_measured_any_more_names_the_way_out(visitor, analysed, services):
    dataset = analysed(b"\n".join(line(f"Hello {number}") for number in range(20)))
    services.blobs.delete(f"datasets/{dataset}/examples/gate.json")
    form = visitor.visit(f"/datasets/{dataset}").form(f"/datasets/{dataset}#models")
    text = visitor.send(form, deployment_target="desktop").text
    assert "It was not measured" in text
    assert "upload the rows again" in text
    assert "Reload" not in text


def test_the_form_keeps_what_was_chosen(asked, sample):
    form = asked.form(f"/datasets/{sample}#models")
    assert form.fields == {
        "task_type": "conversation",
        "deployment_target": "desktop",
        "gpu": "t4",
        "preset": "balanced",
        "gated": "last",
    }


def test_the_plan_is_filled_with_what_is_suggested(visitor, asked, services, sample):
    fields = choose(visitor, asked, "qwen3-1.7b").form("/notebooks").fields
    suggested = plan_run(workflow.analysis(services, LOCAL, sample), find_model("qwen3-1.7b"), gpu="t4").config
    for name in ("method", "num_epochs", "learning_rate", "max_seq_length", "lora_rank"):
        assert fields[name] == str(getattr(suggested, name))
    assert fields["dry_run"] == "1"


def test_the_plan_follows_the_models_own_tokens_where_they_are_counted(visitor, analysed, services):
    dataset = analysed(b"\n".join(line(f"Hello {number}") for number in range(20)))
    with services.blobs.new_file(f"datasets/{dataset}/examples/token_rates.json") as file:
        file.write(b'{"counted": 1.0, "models": {"qwen3-1.7b": 90.0}}')
    form = visitor.visit(f"/datasets/{dataset}").form(f"/datasets/{dataset}#models")
    fields = choose(visitor, visitor.send(form), "qwen3-1.7b").form("/notebooks").fields
    report = workflow.analysis(services, LOCAL, dataset)
    assert int(fields["max_seq_length"]) > 90 * report.tokens.per_example.p99 > 256


def test_a_large_model_is_planned_with_qlora(visitor, asked):
    assert choose(visitor, asked, "qwen3-8b").form("/notebooks").fields["method"] == "qlora"


def test_the_plan_makes_the_notebook_with_its_settings(visitor, asked):
    form = choose(visitor, asked, "qwen3-0.6b").form("/notebooks")
    page = visitor.send(form, lora_rank="8", learning_rate="0.0005", seed="", dry_run=None)
    assert visitor.path.startswith("/notebooks/")
    assert "harbour_bikes-qwen3-0.6b.ipynb" in page.text
    assert "lora_rank 8" in page.text
    assert "learning_rate 0.0005" in page.text
    assert "seed 42" in page.text
    assert "has not been run yet" in page.text


@pytest.mark.parametrize(
    ("field", "value"), [("num_epochs", "0"), ("num_epochs", "many"), ("lora_rank", "1e9"), ("method", "magic")]
)
def test_a_wrong_setting_is_named_and_nothing_typed_is_lost(visitor, asked, field, value):
    form = choose(visitor, asked, "qwen3-0.6b").form("/notebooks")
    page = visitor.send(form, **{"seed": "7", field: value}, dry_run=None)
    assert visitor.status == 400
    assert f"{field}:" in page.text
    kept = page.form("/notebooks").fields
    assert kept["seed"] == "7"
    assert "dry_run" not in kept
    if field != "method":
        assert kept[field] == value


def test_a_dataset_too_small_to_train_on_is_told_on_its_page(visitor, analysed):
    session_id = analysed(line("Hello"))
    query = "task_type=conversation&deployment_target=desktop&gpu=t4&model_id=smollm2-360m"
    page = visitor.visit(f"/datasets/{session_id}?{query}")
    page = visitor.send(page.form("/notebooks"))
    assert visitor.status == 400
    assert "training needs at least 10" in page.text


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("task_type=juggling&deployment_target=desktop", 400, "There is no task named"),
        ("task_type=qa&deployment_target=moon", 400, "There is no target named"),
        ("task_type=qa&deployment_target=desktop&model_id=gpt-17", 404, "There is no model named"),
    ],
)
def test_a_query_that_cannot_be_is_told_and_the_analysis_stays(visitor, sample, query, status, sentence):
    page = visitor.visit(f"/datasets/{sample}?{query}")
    assert visitor.status == status
    assert sentence in page.text
    assert "Valid conversations 300" in page.text


def test_an_unknown_dataset_is_404(visitor):
    assert "There is no dataset with this id" in visitor.visit(f"/datasets/{uuid.uuid4()}").text
    assert visitor.status == 404
