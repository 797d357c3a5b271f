"""Rows for the tests of repair, and what hypothesis makes of them."""

from typing import Any

from hypothesis import strategies as st

from webapp.datasets.parsing import parse
from webapp.datasets.repair.rows import Row, close_row


def said(*texts: str, system: str | None = None) -> Row:
    """A row in which user and assistant speak in turns."""
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(texts)]
    return {"messages": messages}


def valid(row: Row) -> bool:
    return parse(close_row(row)) is not None


PIECES = ["Hello", " ", "\n", "<|im_start|>user\n", "<|im_end|>", "<|im_", "start|>", "[INST]", "</s>", "\ufeff", "ok."]
PRIVATE = [
    "anna@lind.se",
    "ANNA@lind.se",
    "4111 1111 1111 1111",
    "+1 555 123 4567",
    '"',
    "password=",
    "[",
    "]",
    "1.20.3.4",
]

texts = st.lists(st.sampled_from(PIECES + PRIVATE), min_size=1, max_size=8).map("".join)
roles = st.sampled_from(["user", "assistant", "system", "Human", "gpt", " BOT ", "wizard"])
contents: st.SearchStrategy[Any] = texts | st.lists(
    st.builds(lambda text: {"type": "text", "text": text}, texts), min_size=1, max_size=2
)
messages = st.fixed_dictionaries(
    {"role": roles, "content": contents}, optional={"name": st.just("anna@lind.se"), "weight": st.sampled_from([0, 1])}
)
rows: st.SearchStrategy[Row] = st.builds(lambda found: {"messages": found}, st.lists(messages, min_size=1, max_size=6))
