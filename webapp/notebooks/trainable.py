"""Whether rows can be trained on, which is asked before a notebook, or a file of them, is made."""

from webapp.datasets import MIN_TRAIN_EXAMPLES, Analysis, Examples
from webapp.errors import Problem


def require_trainable(analysis: Analysis, examples: Examples) -> None:
    """Raises Problem `too_few_examples` or `no_trained_text`."""
    require_enough(analysis)
    require_trained_text(examples)


def require_enough(analysis: Analysis) -> None:
    """Problem `too_few_examples` when there are too few to train on."""
    if analysis.total_examples < MIN_TRAIN_EXAMPLES:
        raise Problem(
            "too_few_examples",
            f"The dataset has {analysis.total_examples} valid examples; training needs at least "
            f"{MIN_TRAIN_EXAMPLES}, and 50 or more to learn something.",
            details={"total_examples": analysis.total_examples, "minimum": MIN_TRAIN_EXAMPLES},
        )


def require_trained_text(examples: Examples) -> None:
    """Problem `no_trained_text` names the lines of conversations that teach no model anything but to be silent.

    The analysis has marked them, so no row is read here. No family's chat template adds words to an answer of white
    space, or leaves one of words or a call out: a test renders conversations with all of them.
    """
    marked = examples.marked()
    if count := marked.count("no_trained_text"):
        lines = marked.first("no_trained_text")
        named = "line " if count == 1 else "lines "
        named += ", ".join(map(str, lines)) + (f" and others ({count:,} in all)" if count > len(lines) else "")
        raise Problem(
            "no_trained_text",
            f"There is no text to learn on {named}: every answer that counts is white space. Write what is missing, or "
            "have the rows dropped by the fix drop_empty.",
            details={"count": count, "lines": lines},
        )
