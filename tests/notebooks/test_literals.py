import ast
import html

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from webapp.notebooks.literals import prose, python_literal, text_literal

HOSTILE = [
    "'''", "\\", "%%bash", "!rm x", "{{ 7*7 }}", "</script><script>alert(1)</script>", "# %% tags=[]", "$x^2$",
    "a\n# %% [markdown]\nb", "[a](javascript:b)", "https://a.b/c", "&lt;b&gt;", "<b onclick=x>", "1. x", "- x",
]  # fmt: skip
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(plain | st.lists(plain))
def test_a_literal_evaluates_to_the_value_itself(value):
    source = python_literal(value)
    assert ast.literal_eval(source) == value
    assert source.isascii()
    assert "\n" not in source


@given(st.text() | st.sampled_from(HOSTILE))
def test_a_long_text_is_a_literal_of_a_line_each(text):
    source = text_literal(text)
    assert ast.literal_eval(source) == text
    assert source.isascii()
    assert len(source.splitlines()) == (2 + len(text.splitlines()) if text else 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {"a": 1}, b"x"])
def test_what_has_no_literal_is_refused(value):
    with pytest.raises(TypeError):
        python_literal(value)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])) | st.sampled_from(HOSTILE))
def test_prose_shows_the_text_and_nothing_else(value):
    shown = prose(value)
    assert "\n" not in shown
    rendered = MarkdownIt("commonmark", {"html": True}).renderInline("x" + shown + "x")
    assert html.unescape(rendered) == "x" + " ".join(value.split()).replace("\x00", "\ufffd") + "x"
