"""How far a count of tokens can be trusted: exact by the chosen model's own tokenizer, else an estimate."""

from webapp.datasets.token_report import ExpectedError
from webapp.datasets.tokens import Tokenizer

# The widest of o200k_base and cl100k_base against the tokenizers of Qwen3, Llama 3.1 and Gemma 3, on the bundled sample
# and on Python source, by benchmarks/token_errors.py: Gemma 3 on source. All others stay within 8 % and 17 %.
EXPECTED_ERROR = ExpectedError(total=0.22, example_p95=0.43)


def expected_error(tokenizer: Tokenizer) -> ExpectedError | None:
    """None for a model's own tokenizer."""
    return None if tokenizer.owner else EXPECTED_ERROR


def note(tokenizer: Tokenizer) -> str:
    """What a reader of the counts has to know."""
    if tokenizer.owner:
        return f"Counted with the tokenizer of {tokenizer.owner}, without what its chat template adds."
    return (
        f"Estimate: counted with {tokenizer.name}, which is not the chosen model's own tokenizer, and without what its "
        f"chat template adds. Expect the total within {EXPECTED_ERROR.total:.0%} of the model's own, and 95 of 100 "
        f"examples within {EXPECTED_ERROR.example_p95:.0%}: the widest measured, on code. Scripts other than Latin can "
        "be further off."
    )
