"""The forms on the way to a plan, apart from any page."""

from werkzeug.datastructures import MultiDict

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.pages.forms import Purpose


def test_a_purpose_is_read_from_a_query_and_written_as_one():
    values = MultiDict([("task_type", "qa"), ("gpu", ""), ("other", "x"), ("language", "en"), ("language", "de")])
    purpose = Purpose.read(values)
    assert purpose == Purpose(task_type="qa", gpu="t4", language=("en", "de"))
    assert purpose.query == {"task_type": "qa", "language": ("en", "de")}


def test_without_a_task_it_is_what_the_rows_look_like(services, sample):
    report = workflow.analysis(services, LOCAL, sample)
    assert Purpose().completed(report).task_type == report.task_guess.task
    assert Purpose(task_type="qa").completed(report).task_type == "qa"


def test_all_languages_of_the_rows_are_no_choice(services, sample):
    report = workflow.analysis(services, LOCAL, sample)
    assert Purpose(language=tuple(report.languages.shares)).completed(report).language == ()
    assert Purpose(language=("en",)).completed(report).language == ("en",)
