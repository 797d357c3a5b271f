"""The form of a plan, apart from any page."""

import pytest

from webapp.catalog import Setting
from webapp.errors import Problem
from webapp.notebooks import TrainingConfig
from webapp.pages.plan_form import checked, fields, given_by, read_given, valid
from webapp.pages.plan_words import GROUPS


def flat(found):
    return {field.name: field for group in found.values() for field in group}


def test_every_setting_is_in_the_form_once():
    names = [name for group in GROUPS.values() for name in group]
    assert sorted(names) == sorted(TrainingConfig.model_fields)


def test_text_becomes_settings_and_empty_fields_stay_open():
    form = {"num_epochs": " 2 ", "learning_rate": "1e-3", "seed": "", "method": "full"}
    assert read_given(form, TrainingConfig()) == {"num_epochs": 2, "learning_rate": 0.001, "method": "full"}


def test_fields_that_are_not_of_the_form_are_passed_over():
    assert read_given({"model_id": "x", "was-x": "1"}, TrainingConfig()) == {}


def test_what_was_left_as_suggested_is_not_given():
    suggested = TrainingConfig(num_epochs=3, learning_rate=2e-4, method="lora")
    form = {"num_epochs": "3", "learning_rate": "0.0002", "method": "full"}
    assert read_given(form, suggested) == {"method": "full"}


def test_what_was_suggested_is_what_the_form_showed():
    form = {"learning_rate": "2e-05", "was-learning_rate": "2e-05", "lora_rank": "16", "was-lora_rank": "8"}
    assert read_given(form, TrainingConfig()) == {"lora_rank": 16}


@pytest.mark.parametrize(
    ("form", "given"),
    [
        ({}, {}),
        ({"packing": "1"}, {"packing": True}),
        ({"was-packing": "", "packing": "1"}, {"packing": True}),
        ({"was-packing": "1"}, {"packing": False}),
        ({"was-packing": "1", "packing": "1"}, {}),
    ],
    ids=["not shown", "not shown but set", "ticked", "unticked", "left"],
)
def test_a_box_that_was_shown_and_is_not_sent_is_off(form, given):
    assert read_given(form, TrainingConfig()) == given


@pytest.mark.parametrize("value", ["x", "0", "1.5", "nan", "inf", "9" * 5000])
def test_a_wrong_number_is_a_problem_with_the_field_named(value):
    given = read_given({"num_epochs": value, "seed": "7"}, TrainingConfig())
    with pytest.raises(Problem) as caught:
        valid(given)
    assert caught.value.param == "num_epochs"
    config, problems = checked(given)
    assert set(problems) == {"num_epochs"}
    assert config.model_dump(exclude_unset=True) == {"seed": 7}


def test_the_settings_of_another_notebook_are_given_where_they_are_not_as_suggested():
    config = TrainingConfig(seed=7, packing=True).model_dump() | {"of an older version": 1}
    assert given_by(config, TrainingConfig()) == {"seed": 7, "packing": True}


def test_fields_have_the_bounds_that_the_api_documents():
    found = flat(fields({}, {"lora_rank": 8}, {"lora_rank": "8.0"}, {"lora_rank": "Too much."}))
    assert found["num_epochs"].bounds == {"min": 1, "max": 100}
    assert found["num_epochs"].step == "1"
    assert found["learning_rate"].step == "any"
    assert (found["lora_rank"].value, found["lora_rank"].suggested, found["lora_rank"].problem) == (
        "8.0",
        "16",
        "Too much.",
    )
    assert found["seed"].value == "42"


def test_a_field_says_why_its_value_is_there():
    settings = {
        "num_epochs": Setting("num_epochs", 3, "A rule."),
        "lora_rank": Setting("lora_rank", 8, "You set it; suggested is 16.", given=True, suggested=16),
        "packing": Setting("packing", True, "You set it.", given=True),
    }
    found = flat(fields(settings, {"lora_rank": 8, "packing": True, "push_to_hub": "me/it"}, {}, {}))
    assert found["num_epochs"].why == "A rule."
    assert (found["lora_rank"].why, found["lora_rank"].suggested) == ("You set it; suggested is 16.", "16")
    assert (found["packing"].why, found["packing"].suggested) == ("You set it; the default is off.", "")
    assert found["push_to_hub"].why == "You set it; the default is nothing."
    assert found["seed"].why == ""
