"""Texts that repeat themselves, and the quick look that leaves out those that cannot."""

from hypothesis import given
from hypothesis import strategies as st

from webapp.datasets.repetition import perhaps_repeating, repeats_itself

SENTENCES = st.lists(st.text("ab .\nü", max_size=40), min_size=1, max_size=3)


@st.composite
def repetitive(draw: st.DrawFn) -> str:
    """Sentences drawn again and again from a few."""
    some = draw(SENTENCES)
    return draw(st.sampled_from([". ", "\n", "  ", ""])).join(draw(st.lists(st.sampled_from(some), max_size=12)))


@given(st.lists(repetitive(), max_size=6))
def test_no_text_that_repeats_itself_is_left_out(texts: list[str]) -> None:
    repeating = [place for place, text in enumerate(texts) if repeats_itself(text)]
    perhaps = perhaps_repeating([text.encode() for text in texts])
    assert set(repeating) <= set(perhaps)
    assert perhaps == sorted(perhaps)


def test_ordinary_texts_are_left_out() -> None:
    ordinary = [f"Line {n} of the table says {n * n}. It has {n} rows. Then comes more." for n in range(100)]
    texts = [*ordinary, "The same line is here again.\n" * 4]
    assert perhaps_repeating([text.encode() for text in texts]) == [100]
    assert perhaps_repeating([]) == []
