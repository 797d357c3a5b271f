"""Task types and their aliases."""

import pytest

from webapp.catalog import ALIASES, TASKS, models, resolve_task
from webapp.errors import Problem


def test_the_task_types() -> None:
    assert set(TASKS) == {
        "classification", "question_answering", "conversation", "text_generation", "extraction",
        "instruction_following",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("classify", "classification"),
        ("qa", "question_answering"),
        ("generation", "text_generation"),
        ("Conversation", "conversation"),
    ],
)
def test_aliases_and_spelling(name: str, task: str) -> None:
    assert resolve_task(name).name == task


def test_every_task_has_models_that_are_good_at_it() -> None:
    for name in TASKS:
        assert sum(name in model.tasks for model in models()) >= 4, name


def test_an_unknown_task_names_the_field_and_the_choices() -> None:
    with pytest.raises(Problem) as caught:
        resolve_task("clasification")
    assert (caught.value.code, caught.value.param) == ("unknown_task", "task_type")
    assert "classification" in caught.value.message
    assert set(caught.value.details["choices"]) == set(TASKS) | set(ALIASES)
