"""A model's own chat template is tried on the rows, away from this process, before a notebook is made of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from webapp.datasets import Analysis, Examples
from webapp.errors import Problem
from webapp.notebooks import require_template, trials
from webapp.training.families import families

CHATML = families()["chatml"]


@pytest.fixture
def refusal(sample: tuple[Analysis, Examples]) -> Callable[[str], Problem]:
    def refused(template: str) -> Problem:
        with pytest.raises(Problem) as caught:
            require_template(replace(CHATML, name="org/name", chat_template=template), sample[1])
        assert (caught.value.code, caught.value.param) == ("chat_template_failed", "model_id")
        assert "org/name" in caught.value.message
        return caught.value

    return refused


def test_a_template_that_writes_the_rows_is_accepted(sample: tuple[Analysis, Examples]) -> None:
    require_template(CHATML, sample[1])
    require_template(None, sample[1])


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for %}", "cannot be read: TemplateSyntaxError"),
        ("{{ messages[0].content }}", "writes no word of the answers of conversation 1"),
        ("{{ raise_exception('Only one turn') }}", "conversation 1: TemplateError: Only one turn"),
        ("{{ messages.__class__.__mro__ }}", "SecurityError"),
        (
            "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}A:{% endif %}",
            "begins an answer otherwise",
        ),
    ],
)
def test_what_a_template_does_wrong_is_said(refusal: Callable[[str], Problem], template: str, said: str) -> None:
    assert said in refusal(template).message


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 'x' * 10**11 }}",
    ],
    ids=["endless", "huge"],
)
def test_a_template_that_never_ends_is_ended(
    refusal: Callable[[str], Problem], monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    monkeypatch.setattr(trials, "SECONDS", 3.0)
    message = refusal(template).message
    assert "too long, or too much memory" in message or "MemoryError" in message
