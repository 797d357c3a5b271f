"""The forms of the dataset page, apart from any page."""

import pytest

from webapp.errors import Problem
from webapp.notebooks import TrainingConfig
from webapp.pages.forms import Purpose, read_training_config, training_fields


def test_text_becomes_settings_and_empty_fields_stay_open():
    config = read_training_config(
        {"num_epochs": " 2 ", "learning_rate": "1e-3", "seed": "", "method": "full"}, TrainingConfig()
    )
    assert config.model_dump(exclude_unset=True) == {"num_epochs": 2, "learning_rate": 0.001, "method": "full"}


def test_fields_that_are_not_of_the_form_are_passed_over():
    assert read_training_config({"model_id": "x", "max_steps": "5"}, TrainingConfig()).model_fields_set == set()


@pytest.mark.parametrize("value", ["x", "0", "1.5", "nan", "inf", "9" * 5000])
def test_a_wrong_number_is_a_problem_with_the_field_named(value):
    with pytest.raises(Problem) as caught:
        read_training_config({"num_epochs": value}, TrainingConfig())
    assert caught.value.param == "num_epochs"


def test_what_was_left_as_suggested_is_not_set():
    suggested = TrainingConfig(num_epochs=3, learning_rate=2e-4, method="lora")
    given = read_training_config({"num_epochs": "3", "learning_rate": "0.0002", "method": "full"}, suggested)
    assert given.model_fields_set == {"method"}


def test_fields_have_the_bounds_that_the_api_documents():
    fields = {field.name: field for field in training_fields(TrainingConfig(), {}, {"lora_rank": "typed"})}
    assert fields["num_epochs"].bounds == {"min": 1, "max": 100}
    assert fields["num_epochs"].step == "1"
    assert fields["learning_rate"].step == "any"
    assert fields["lora_rank"].value == "typed"
    assert fields["seed"].value == "42"


def test_a_purpose_is_read_from_a_query():
    purpose = Purpose.read({"task_type": "qa", "gpu": "", "other": "x"})
    assert purpose == Purpose(task_type="qa", gpu="t4")
    assert not purpose.given
