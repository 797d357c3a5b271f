"""Whether every row has something to learn, which is asked before a notebook is made of them."""

from webapp.datasets import Examples
from webapp.errors import Problem


def require_trained_text(examples: Examples) -> None:
    """Problem `no_trained_text` names the lines of conversations that teach no model anything but to be silent.

    The analysis has marked them, so no row is read here. No family's chat template adds words to an answer of white
    space, or leaves one of words or a call out: a test renders conversations with all of them.
    """
    marked = examples.marked()
    if count := marked.count("no_trained_text"):
        lines = marked.first("no_trained_text")
        named = ", ".join(map(str, lines)) + (" and others" if count > len(lines) else "")
        raise Problem(
            "no_trained_text",
            f"There is no text to learn on lines {named} ({count:,} in all): every answer that counts is white space. "
            "Write these answers, or remove the lines.",
            details={"count": count, "lines": lines},
        )
