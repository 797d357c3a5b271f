"""The page on which a prompt is asked of both models, before any script has worked."""

import pytest

from tests.workflow.test_trying import WHERE, make_run
from webapp import workflow
from webapp.accounts import LOCAL
from webapp.jobs import attempts, claim


@pytest.fixture(scope="module")
def notebook(services, sample):
    return workflow.generate(services, LOCAL, sample, "smollm2-360m")


@pytest.fixture
def run(services, notebook):
    made = make_run(services, notebook)
    yield made
    workflow.put_away(services, LOCAL, made)


def answer(number, side, text, end="ended", message=""):
    data = {"prompt": number, "side": side, "text": text, "tokens": 30, "seconds": 2.0, "end": end, "message": message}
    return ("answer", data)


def test_a_prompt_is_asked_and_its_answers_are_shown_as_they_come(visitor, services, run):
    page = visitor.visit(f"/runs/{run}/try")
    assert "Your first prompt loads both" in page.text
    assert not page.refresh
    form = page.form("/try")
    page = visitor.send(form, text="Where <b>?", temperature="0.5", max_new_tokens="40")
    assert visitor.path == f"/runs/{run}/try"
    assert "Waiting for their turn" in page.text
    assert "Where <b>?" in page.text
    assert page.refresh
    job = claim(services.db, "test", 60)
    assert f'data-stream="/jobs/{job.id}/stream"' in page.html
    (prompt,) = workflow.try_state(services, LOCAL, run).prompts
    assert (prompt.temperature, prompt.max_new_tokens) == (0.5, 40)
    told = [("writing", {"prompt": prompt.number, "side": "tuned"})]
    told.append(("piece", {"prompt": prompt.number, "side": "tuned", "text": "Fair <i>"}))
    done = answer(prompt.number, "base", "No <u>idea")
    attempts.write(services.db, job.id, 1, [done, *told], (1.0, "Both models are loaded on CPU"))
    text = visitor.visit(f"/runs/{run}/try").text
    assert "Both models are loaded on CPU" in text
    assert "Base model No <u>idea Done. 30 tokens, 15.0 a second Fine-tuned Fair <i> Writing" in text
    assert visitor.page.forms[0].fields["temperature"] == "0.5"


def test_an_answer_is_stopped_and_the_models_are_put_away(visitor, services, run):
    number = workflow.ask_both(services, LOCAL, run, WHERE).prompt
    job = claim(services.db, "test", 60)
    page = visitor.send(visitor.visit(f"/runs/{run}/try").form("/try/stop"))
    assert [event.data for event in workflow.job_events(services, LOCAL, job.id, 0, 100) if event.type == "stop"] == [
        {"prompt": number}
    ]
    attempts.write(services.db, job.id, 1, [answer(number, side, "Fa", "stopped") for side in ("base", "tuned")], None)
    page = visitor.visit(f"/runs/{run}/try")
    assert "Fa Stopped. 30 tokens" in page.text
    assert not any("/stop" in form.action for form in page.forms)
    assert not page.refresh
    page = visitor.send(page.form("/try/end"))
    assert "They are being put away" in page.text
    attempts.release(services.db, job.id, 1)
    assert "Your next prompt loads both" in visitor.visit(f"/runs/{run}/try").text


def test_what_cannot_be_asked_is_said_where_it_was_typed(visitor, run):
    form = visitor.visit(f"/runs/{run}/try").form("/try")
    page = visitor.send(form, text="Where?", temperature="7")
    assert visitor.status == 400
    assert "temperature" in page.text
    assert ">Where?</textarea>" in page.html


def test_models_that_could_not_be_loaded_say_why(visitor, services, run):
    workflow.ask_both(services, LOCAL, run, WHERE)
    job = claim(services.db, "test", 60)
    attempts.fail(services.db, job.id, 1, {"code": "base_model_missing", "message": "x/y is not <i>here</i>."})
    page = visitor.visit(f"/runs/{run}/try")
    assert "They could not be used: x/y is not <i>here</i>." in page.text
    assert "The models were put away before it was done" in page.text


def test_without_a_model_the_page_says_why_and_has_no_form(visitor, services, notebook):
    run = make_run(services, notebook, names=())
    page = visitor.visit(f"/runs/{run}/try")
    assert "no longer on this machine" in page.text
    assert [form for form in page.forms if "/try" in form.action] == []
    assert f"/notebooks/{notebook.id}" in page.links


def test_a_dry_run_says_that_its_answers_mean_nothing(visitor, services, notebook):
    run = make_run(services, notebook, "dry_run")
    assert "Its answers say nothing about the real model" in visitor.visit(f"/runs/{run}/try").text


def test_a_job_that_is_no_run_has_no_such_page(visitor):
    visitor.visit("/runs/x/try")
    assert visitor.status == 404


@pytest.mark.parametrize("number", ["", "x", "-1", "1", "9" * 30])
def test_no_prompt_is_stopped_that_was_not_asked(client, run, number):
    assert client.post(f"/runs/{run}/try/stop", data={"prompt": number}).status_code == 404
