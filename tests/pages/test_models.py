"""The page on which a model is chosen: questions, cards, two side by side, every model on every GPU."""

import json
import re

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.catalog import gpus, models
from webapp.workflow import kinds


def line(question, answer="Good day."):
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": messages}).encode()


@pytest.fixture
def first(visitor, sample):
    """The page as it first is, nothing asked."""
    return visitor.visit(f"/datasets/{sample}/models")


def test_before_anything_is_asked_models_are_recommended_for_what_the_rows_look_like(first, services, sample):
    guessed = workflow.analysis(services, LOCAL, sample).task_guess.task
    chosen = {"task_type": guessed, "deployment_target": "desktop", "gpu": "t4"}
    assert first.forms[0].fields.items() >= (chosen | {"preset": "balanced", "gated": "last"}).items()
    assert f"The rows look like {guessed.replace('_', ' ')}: " in first.text
    assert "Models that fit, best first" in first.text
    found = workflow.recommend(services, LOCAL, sample, task=guessed, target="desktop").recommendations
    cards = [first.text.index(f"{item.model.name} {item.score:.0%} place {item.place}") for item in found[:6]]
    assert cards == sorted(cards)


def test_the_cards_have_the_figures_and_reasons_and_the_others_are_left_out_with_reasons(first):
    assert "of the 14.75 GiB" in first.text
    assert "More models that fit:" in first.text
    assert "What would put another model first" in first.text
    assert "Left out:" in first.text
    assert first.html.count('class="memory"') == 6


def test_the_form_keeps_what_was_chosen_and_every_choice_leads_to_a_plan_for_it(visitor, first, sample):
    asked = visitor.send(
        first.forms[0], task_type="classification", deployment_target="server", gpu="l4", preset="fast"
    )
    fields = asked.forms[0].fields
    assert (fields["task_type"], fields["gpu"], fields["preset"]) == ("classification", "l4", "fast")
    (link,) = [link for link in asked.links if "/plan?" in link and "model_id=qwen3-1.7b" in link]
    assert all(part in link for part in ("gpu=l4", "preset=fast", "deployment_target=server"))


def test_a_language_that_is_unticked_is_no_reason_against_a_model(visitor, analysed, services):
    english = "Where can I leave the bicycle tonight, and what does it cost me?"
    basque = "Non utzi dezaket bizikleta gaur gauean, eta zenbat kostatzen zait niri?"
    rows = [line(f"{english} {n}", english) for n in range(6)] + [line(f"{basque} {n}", basque) for n in range(14)]
    dataset = analysed(b"\n".join(rows))
    found = workflow.analysis(services, LOCAL, dataset).languages.shares
    assert {"en", "eu"} <= set(found)
    page = visitor.visit(f"/datasets/{dataset}/models")
    assert "Which languages must it know?" in page.text
    assert "languages that it does not know (eu)" in page.text
    assert "(eu)" not in visitor.visit(f"/datasets/{dataset}/models?language=en").text


def languages(page):
    """Each language that can be ticked, and whether it is."""
    return {control["value"]: "checked" in control for control in page.controls if control.get("name") == "language"}


def test_every_language_can_be_unticked_and_none_stays_none(visitor, analysed, services):
    said = {
        "en": "Where can I leave the bicycle tonight, and what does it cost me?",
        "de": "Wo kann ich das Fahrrad heute Abend abstellen, und was kostet mich das?",
        "fr": "Où puis-je laisser le vélo ce soir, et combien cela me coûte-t-il ?",
        "es": "¿Dónde puedo dejar la bicicleta esta noche y cuánto me cuesta?",
        "ja": "今夜は自転車をどこに置けますか。料金はいくらですか。",
        "ru": "Где можно оставить велосипед сегодня вечером и сколько это стоит?",
        "el": "Πού μπορώ να αφήσω το ποδήλατο απόψε και πόσο κοστίζει;",
        "ko": "오늘 밤 자전거를 어디에 두고 얼마를 내야 하나요?",
    }
    rows = [line(f"{text} {n}", text) for text in said.values() for n in range(4)]
    dataset = analysed(b"\n".join(rows))
    found = list(workflow.analysis(services, LOCAL, dataset).languages.shares)
    assert len(found) > 6
    page = visitor.visit(f"/datasets/{dataset}/models")
    assert languages(page) == dict.fromkeys(found, True)
    # Beside what is ticked the form sends one field, which says that the question was asked.
    assert re.findall('type="hidden" name="language" value="(.*?)"', page.html) == ["none"]
    only = visitor.send(page.forms[0], language=["none", "en"])
    assert languages(only) == dict.fromkeys(found, False) | {"en": True}
    assert any("language=en" in link and "language=ja" not in link for link in only.links if "/plan?" in link)
    none = visitor.send(page.forms[0], language="none")
    assert languages(none) == dict.fromkeys(found, False)
    assert "where none is ticked, none of them is." in none.text
    assert "in languages that" not in none.text
    assert "in languages that" in page.text


def test_two_models_are_compared_figure_by_figure(visitor, first, sample):
    names = [link.split("model_id=")[1].split("&")[0] for link in first.links if "model_id=" in link][:2]
    compared = visitor.visit(f"/datasets/{sample}/models?compare={names[0]}&compare={names[1]}")
    for row in ("Score ", "Memory while training ", "Cost of a run ", "Memory on a desktop ", "Fit for the task, 33%"):
        assert row in compared.text
    assert "better" in compared.text
    assert "Side by side" in compared.html
    ticked = [control for control in compared.controls if control.get("name") == "compare" and "checked" in control]
    assert {control["value"] for control in ticked} == set(names)


@pytest.mark.parametrize(
    "query", ["compare=qwen3-1.7b", "compare=qwen3-1.7b&compare=gpt-17", "compare=%3Cb%3E&compare=x"]
)
def test_what_cannot_be_compared_is_said(visitor, sample, query):
    page = visitor.visit(f"/datasets/{sample}/models?{query}")
    assert visitor.status == 200
    assert "only recommended ones can be compared" in page.text


def test_the_models_are_set_against_every_gpu_with_the_rows_of_this_dataset(first):
    table = first.text[first.text.index("These models on every GPU") :]
    assert all(gpu.name in table for gpu in gpus())
    for word in ("fits", "tight", "no", "USD", "GiB", "min"):
        assert word in table


def test_it_is_said_whether_to_fine_tune_at_all(first):
    assert "Is fine-tuning the right thing? Looking up the most similar of 331 prompts gets" in first.text
    assert "ROUGE-L on 33 held-out answers" in first.text


def test_a_gate_that_is_not_measured_yet_is_said_to_follow(visitor, send, work, monkeypatch):
    """The report is there before the gate: asked for in between, the page says so."""
    seen = []
    monkeypatch.setattr(
        kinds, "keep_findings", lambda _, dataset: seen.append(visitor.visit(f"/datasets/{dataset}/models").text)
    )
    send(b"\n".join(line(f"Hello {number}") for number in range(20)))
    work()
    assert "Not measured yet: it follows the analysis within seconds." in seen[0]


def test_a_gate_that_will_not_be_measured_any_more_names_the_way_out(visitor, analysed, services):
    dataset = analysed(b"\n".join(line(f"Hello {number}") for number in range(20)))
    services.blobs.delete(f"datasets/{dataset}/examples/gate.json")
    text = visitor.visit(f"/datasets/{dataset}/models").text
    assert "It was not measured" in text
    assert "upload the rows again" in text
    assert "Reload" not in text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("task_type=juggling", "There is no task named"),
        ("deployment_target=moon", "There is no target named"),
        ("gpu=abacus", "There is no gpu named"),
    ],
)
def test_a_query_that_cannot_be_is_told_and_the_questions_stay(visitor, sample, query, sentence):
    page = visitor.visit(f"/datasets/{sample}/models?{query}")
    assert visitor.status == 400
    assert sentence in page.text
    assert "What should it do?" in page.text


def test_where_no_model_fits_every_reason_is_shown(visitor, analysed):
    dataset = analysed(b"\n".join(line("word " * 60_000) for _ in range(3)))
    page = visitor.visit(f"/datasets/{dataset}/models?deployment_target=browser")
    assert visitor.status == 400
    assert "meets every constraint" in page.text
    assert f"Left out: {len(models())}" in page.text


def test_before_the_analysis_the_page_of_the_dataset_is_shown(visitor, send):
    dataset = send(line("Hello")).json["session_id"]
    assert "Analysing" in visitor.visit(f"/datasets/{dataset}/models").text
    assert visitor.path == f"/datasets/{dataset}"
