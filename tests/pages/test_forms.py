"""The forms on the way to a plan, apart from any page."""

from werkzeug.datastructures import MultiDict

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.pages.forms import NO_LANGUAGE, Purpose


def test_a_purpose_is_read_from_a_query_and_written_as_one():
    values = MultiDict([("task_type", "qa"), ("gpu", ""), ("other", "x"), ("language", "en"), ("language", "de")])
    purpose = Purpose.read(values)
    assert purpose == Purpose(task_type="qa", gpu="t4", language=("en", "de"))
    assert purpose.query == {"task_type": "qa", "language": ("en", "de")}


def test_without_a_task_it_is_what_the_rows_look_like(services, sample):
    report = workflow.analysis(services, LOCAL, sample)
    assert Purpose().completed(report).task_type == report.task_guess.task
    assert Purpose(task_type="qa").completed(report).task_type == "qa"


def test_all_languages_of_the_rows_are_no_choice_and_none_of_them_is_one(services, sample):
    report = workflow.analysis(services, LOCAL, sample)
    assert len(report.languages.shares) > 1
    for given, chosen in (
        ((), ()),
        ((NO_LANGUAGE, *report.languages.shares), ()),
        ((NO_LANGUAGE, "en"), ("en",)),
        ((NO_LANGUAGE,), (NO_LANGUAGE,)),
        (("tlh",), (NO_LANGUAGE,)),
    ):
        assert Purpose(language=given).completed(report).language == chosen
