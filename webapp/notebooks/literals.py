"""Values on their way into a notebook: Python literals in code cells, inert text in prose."""

import math
import re
from typing import Any


class Raw(str):
    """Text that is source code or prose already and goes in as it is."""


def python_literal(value: Any) -> str:
    """The ASCII source of a literal that evaluates to `value`; TypeError for what is not plain data."""
    if isinstance(value, Raw):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"{value} has no literal")
    if value is None or isinstance(value, str | bool | int | float):
        return ascii(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(python_literal(item) for item in value) + "]"
    raise TypeError(f"a {type(value).__name__} cannot become a literal in a cell")


def text_literal(text: str) -> Raw:
    """The source of a literal for a text of several lines, a line each, so that people can read it."""
    lines = "".join(f"    {line!a}\n" for line in text.splitlines(keepends=True))
    return Raw(f"(\n{lines})") if text else Raw(ascii(text))


def prose(value: Any) -> str:
    """`value` on one line with everything escaped that Markdown, HTML or MathJax would read as markup."""
    if isinstance(value, Raw):
        return value
    text = " ".join(str(value).split()).encode("utf-8", "replace").decode("utf-8")  # no lone surrogates
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#+!|$~])", r"\\\1", text)
