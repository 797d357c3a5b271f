"""What change of the question puts another model first."""

from typing import Any

from webapp.catalog import TARGETS, TASKS, Case, Profile, find_gpu, find_model, recommend
from webapp.catalog.ranking import rank
from webapp.catalog.sensitivity import sensitivity


def case(data: Any, **changes: Any) -> Case:
    return Case(Profile.of(data), TASKS["conversation"], TARGETS["desktop"], find_gpu("t4"), **changes)


def test_each_change_named_puts_that_model_first(analysis: Any) -> None:
    asked = case(analysis(p99=900))
    first = rank(asked).first
    assert first
    found = sensitivity(asked, first.id)
    assert found
    for change in found:
        assert change.first != first.id
        if change.input == "task_type":
            other = rank(asked._replace(task=TASKS[str(change.value)])).first
        elif change.input == "deployment_target":
            other = rank(asked._replace(target=TARGETS[str(change.value)])).first
        elif change.input == "gpu":
            other = rank(asked._replace(gpu=find_gpu(str(change.value)))).first
        else:
            continue
        assert (other.id if other else None) == change.first


def test_only_the_nearest_length_is_named(analysis: Any) -> None:
    asked = case(analysis(p99=1000))
    first = rank(asked).first
    assert first
    assert len([change for change in sensitivity(asked, first.id) if change.input == "p99"]) <= 1


def test_a_change_after_which_nothing_fits_says_so(analysis: Any) -> None:
    asked = case(analysis(p99=60_000))._replace(gpu=find_gpu("h100"), target=TARGETS["cloud"])
    first = rank(asked).first
    assert first
    none = [change for change in sensitivity(asked, first.id) if change.first is None]
    assert none
    assert all("no model of the catalogue would fit" in change.text for change in none)


def test_the_sentences_name_the_model(analysis: Any) -> None:
    found = recommend(analysis(), "conversation", "desktop")
    for change in found.sensitivity:
        assert change.first is None or find_model(change.first).name in change.text
        assert change.text.endswith(".")
