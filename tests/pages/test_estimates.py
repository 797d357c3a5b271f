"""The page of estimates."""

import pytest
from sqlalchemy import select

from webapp.catalog import estimate, find_gpu, find_model, gpus, models, published_peaks, published_speeds
from webapp.pages.wording import figure
from webapp.storage.tables import Job, Measurement


def test_every_model_machine_and_published_run_is_on_it(visitor):
    page = visitor.visit("/estimates")
    names = [*models(), *gpus()]
    assert all(item.name in page.text for item in names)
    assert all(item.run in page.text for item in (*published_peaks(), *published_speeds()))
    assert "this machine" in page.text
    assert "No run has finished on this installation yet." in page.text


def test_minutes_and_money_are_ranges_and_a_price_that_is_not_known_is_said(visitor):
    text = visitor.visit("/estimates").text
    found = estimate(find_model("qwen3-0.6b"), find_gpu("t4"), "lora", length=1024, batch=2)
    minutes, money = found.minutes_per_million_tokens, found.costs_per_million_tokens[0].money
    assert f"{figure(minutes.low)} to {figure(minutes.high)} min" in text
    assert f"{money.low:.2g} to {money.high:.2g} USD" in text
    assert "Colab has the H100 too; what it costs there is not known." in " ".join(text.split())


def test_the_form_asks_for_method_length_and_batch(visitor):
    page = visitor.visit("/estimates")
    asked = visitor.send(page.form("/estimates"), method="qlora", length="2048", batch="4")
    assert "QLoRA, 4 rows of 2,048 tokens" in asked.text
    assert asked.form("/estimates").fields == {"method": "qlora", "length": "2048", "batch": "4"}
    assert asked.text.count("–") > page.text.count("–")  # no QLoRA on a processor


@pytest.mark.parametrize(("field", "value"), [("length", "9"), ("batch", "many"), ("method", "magic")])
def test_a_wrong_field_is_named_and_the_tables_stay(visitor, field, value):
    page = visitor.visit(f"/estimates?{field}={value}")
    assert visitor.status == 400
    assert field in page.text
    assert "LoRA, 2 rows of 1,024 tokens" in page.text


def test_it_is_one_of_the_main_pages(visitor):
    assert "/estimates" in visitor.visit("/").links


def test_our_own_error_is_shown_once_there_is_one(visitor, services, sample):
    with services.db.session() as session:
        session.add(
            Measurement(
                job_id=session.scalars(select(Job.id).where(Job.dataset_id == sample)).first(),
                model_id="qwen3-1.7b",
                method="lora",
                gpu="Tesla T4",
                miniature=False,
                predicted_seconds=110.0,
                measured_seconds=100.0,
                predicted_bytes=120,
                measured_bytes=100,
            )
        )
    page = visitor.visit("/estimates")
    assert "Real models 1 +10 % 100% 1 +20 %" in page.text
    assert "the error of the formulas, not of the estimate shown before a run" in page.text
