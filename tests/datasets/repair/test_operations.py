"""Operations as data: read strictly, spelt out in full."""

import pytest
from jsonschema import Draft202012Validator

from webapp.datasets.repair import IN_ORDER, Dedupe, Plan, SplitLong, Trim, operation_schemas
from webapp.errors import Problem


def test_a_plan_is_data_and_back():
    data = [{"name": "dedupe", "kind": "near"}, {"name": "trim"}]
    plan = Plan.from_data(data)
    assert plan.operations == [Trim(), Dedupe("near", "first")]
    assert plan.to_data() == [{"name": "trim"}, {"name": "dedupe", "kind": "near", "keep": "first"}]
    assert Plan.from_data(plan.to_data()).operations == plan.operations


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "at least one"),
        ({}, "Expected `array`"),
        ([{"name": "polish"}], "dedupe"),
        ([{}], "name"),
        ([{"name": "trim", "hard": True}], "hard"),
        ([{"name": "split_long", "max_tokens": 2}], "16"),
        ([{"name": "validation_split", "share": 0.9}], "0.5"),
        ([{"name": "validation_split", "share": 0}], "share"),
        ([{"name": "dedupe", "kind": "roughly"}], "kind"),
        ([{"name": "trim"}, {"name": "trim"}], "twice"),
    ],
)
def test_what_is_no_plan_is_named(data, said):
    with pytest.raises(Problem, match=said) as caught:
        Plan.from_data(data)
    assert (caught.value.code, caught.value.param) == ("invalid_operation", "operations")


def test_every_operation_is_documented_by_a_schema_and_by_words():
    for kind, schema in zip(IN_ORDER, operation_schemas(), strict=True):
        Draft202012Validator(schema).validate(Plan([kind()]).to_data()[0])
        assert not Draft202012Validator(schema).is_valid({"name": "polish"})
        assert kind.label
        assert kind.hint.endswith(".")


def test_only_what_is_asked_for_is_in_a_plan():
    plan = Plan([SplitLong(100)])
    assert plan.get(SplitLong) == SplitLong(100)
    assert plan.get(Trim) is None
    assert not plan.compares_rows
