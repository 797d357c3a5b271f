"""What a choice of model and settings needs to know of a dataset: a few numbers that can be varied."""

import math
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple, Self

from webapp.catalog.models import BaseModel
from webapp.catalog.rates import TokenRates
from webapp.catalog.workload import TOKENS_PER_MESSAGE
from webapp.datasets import Analysis

# Counts are o200k's, without a chat template. Other tokenizers were measured at +2 to +5 % over a dataset and
# +13 to +17 % at the 95th percentile of single messages; templates add a few tokens a message, and some a
# default system prompt.
TOTAL_MARGIN, LONGEST_MARGIN = 1.05, 1.15
TEMPLATE_TOKENS = 64  # at least
ROWS_PER_EXAMPLE = 1.0  # at least: each answer of a conversation is a row of its own


class Profile(NamedTuple):
    """A dataset in numbers; shares are 0 to 1, `languages` are (ISO 639 code, share).

    `p95`, `p99` and `longest` are tokens of an example as the report counts them, `messages` and learned
    `answers` are those of an example, `answer_tokens` those of an answer, all on average.
    """

    examples: int
    tokens: int
    p95: int
    p99: int
    longest: int
    exact: bool
    messages: float
    answers: float
    answer_tokens: float
    languages: tuple[tuple[str, float], ...]
    non_ascii_share: float
    tool_call_share: float
    json_answer_share: float
    system_prompt_share: float
    rates: TokenRates | None = None

    @classmethod
    def of(cls, analysis: Analysis, rates: TokenRates | None = None, languages: Collection[str] | None = None) -> Self:
        """The profile of an analysed dataset; of its languages only those that are named, where any are."""
        found, lengths = analysis.characteristics, analysis.tokens.per_example
        examples, answers = max(1, analysis.total_examples), max(ROWS_PER_EXAMPLE, found.turns_avg)
        return cls(
            examples=analysis.total_examples,
            tokens=analysis.total_tokens,
            p95=lengths.p95,
            p99=lengths.p99,
            longest=lengths.max,
            exact=analysis.tokens.exact,
            messages=sum(analysis.distribution.roles.values()) / examples,
            answers=answers,
            answer_tokens=analysis.tokens.trained / max(1.0, examples * answers),
            languages=tuple(
                (name, share) for name, share in analysis.languages.shares.items() if not languages or name in languages
            ),
            non_ascii_share=found.non_ascii_share,
            tool_call_share=found.tool_call_share,
            json_answer_share=found.json_answer_share,
            system_prompt_share=found.system_prompt_share,
            rates=rates,
        )

    def needed_tokens(self, model: BaseModel | None = None, percentile: str = "p99") -> int:
        """What 99 % (or `p95`, or `longest`) of the conversations stay below with a model's own tokenizer and template.

        The count x 1.15, and 5 tokens a message or 64 for the template; without the margin where the count is by the
        model's own tokenizer, and with the ratio of both tokenizers in its place where that is known.
        """
        counted: int = getattr(self, percentile)
        messages = self.messages * counted * self.examples / max(1, self.tokens)  # longer ones have more of them
        template = max(TEMPLATE_TOKENS, math.ceil(TOKENS_PER_MESSAGE * messages))
        return math.ceil(counted * self._ratio(model, LONGEST_MARGIN)) + template

    def total_tokens(self, model: BaseModel) -> int:
        """Tokens of all conversations with this model's tokenizer and template, none cut."""
        return round(
            self.tokens * self._ratio(model, TOTAL_MARGIN) + TOKENS_PER_MESSAGE * self.messages * self.examples
        )

    def unknown_languages(self, model: BaseModel) -> dict[str, float]:
        """The languages of the data that the model's card does not name, with their shares."""
        return _unknown(model, self.languages)

    def unknown_share(self, model: BaseModel) -> float:
        """Their share of the data."""
        return _unknown_share(model, self.languages)

    def _ratio(self, model: BaseModel | None, margin: float) -> float:
        if self.exact:
            return 1.0
        if model and self.rates and model.id in self.rates.models:
            return self.rates.models[model.id] / self.rates.counted
        return margin


@lru_cache(maxsize=4096)
def _unknown(model: BaseModel, languages: tuple[tuple[str, float], ...]) -> dict[str, float]:
    return {name: share for name, share in languages if name not in model.languages}


@lru_cache(maxsize=4096)
def _unknown_share(model: BaseModel, languages: tuple[tuple[str, float], ...]) -> float:
    return sum(_unknown(model, languages).values())
