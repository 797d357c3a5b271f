"""Before against after on held-out rows: losses and scores with their intervals, answers side by side."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from webapp.training.answering import Answer, read_answer, spread
from webapp.training.evaluation import RowLoss, mean_loss
from webapp.training.intervals import LEVEL, RESAMPLES, paired_intervals
from webapp.training.masking import Row
from webapp.training.metrics import macro_f1, score_answer
from webapp.training.turns import last_request


@dataclass(frozen=True)
class Comparison:
    """A held-out row answered before and after training; scores from 0 to 1 by name, losses in nats per token."""

    conversation: int
    prompt: str
    reference: str
    answers: tuple[Answer, Answer]
    scores: tuple[dict[str, float], dict[str, float]]
    losses: tuple[float, float]

    @property
    def metric(self) -> str:
        """The score that rows are compared by."""
        return next(iter(self.scores[0]))

    @property
    def change(self) -> tuple[float, float]:
        """How much better it became: by the score first, by the loss where the scores are equal."""
        before, after = self.scores
        return after[self.metric] - before[self.metric], self.losses[0] - self.losses[1]


def reference_answer(conversations: Sequence[dict[str, Any]], row: Row, tokenizer: Any, ends: list[int]) -> str:
    """The data's own answer; one that calls a tool as it would be read if the model had written it."""
    message = conversations[row.conversation]["messages"][row.turn]
    content: str = message.get("content") or ""
    if content and not message.get("tool_calls"):
        return content
    return read_answer(row.input_ids[row.prompt_length :], tokenizer, ends).text


def compare_rows(
    kind: str,
    conversations: Sequence[dict[str, Any]],
    rows: Sequence[Row],
    references: Sequence[str],
    answers: Sequence[tuple[Answer, Answer]],
    losses: Sequence[tuple[RowLoss, RowLoss]],
) -> list[Comparison]:
    """One comparison a row, regressions first; `answers` and `losses` are (before, after)."""
    found = []
    for row, reference, (old, new), pair in zip(rows, references, answers, losses, strict=True):
        scores = score_answer(kind, old.text, reference), score_answer(kind, new.text, reference)
        before, after = (loss.total / max(1, loss.tokens) for loss in pair)
        prompt = last_request(conversations[row.conversation]["messages"], row.turn)
        found.append(Comparison(row.conversation, prompt, reference, (old, new), scores, (before, after)))
    return sorted(found, key=lambda comparison: comparison.change)


def loss_figures(before: Sequence[RowLoss], after: Sequence[RowLoss], seed: int) -> dict[str, Any]:
    """`perplexity` before and after, and the `interval` of loss and perplexity, drawn by conversation."""
    units, weights = [loss.conversation for loss in after], [loss.tokens for loss in after]
    loss = paired_intervals(units, [row.total for row in before], [row.total for row in after], weights, seed)
    interval: dict[str, Any] = {"level": LEVEL, "resamples": RESAMPLES, "conversations": len(set(units)), "loss": loss}
    interval["perplexity"] = loss and {name: tuple(map(perplexity, loss[name])) for name in ("before", "after")}
    means = {"before": perplexity(mean_loss(before)), "after": perplexity(mean_loss(after))}
    return {"perplexity": means, "interval": interval}


def perplexity(loss: float) -> float:
    """e to the mean loss in nats: among how many equally likely tokens the model in effect chooses."""
    return math.exp(min(loss, 700.0))  # a float ends a little beyond it


def metric_figures(kind: str, comparisons: Sequence[Comparison], seed: int) -> dict[str, Any]:
    """The metrics that suit `kind`: each figure is a mean before and after, with intervals (none for macro F1).

    `worse` counts the answers whose score, by the first metric, is lower than before.
    """
    units = [comparison.conversation for comparison in comparisons]
    figures: list[dict[str, Any]] = []
    for name in comparisons[0].scores[0] if comparisons else ():
        old, new = ([comparison.scores[side][name] for comparison in comparisons] for side in (0, 1))
        interval = paired_intervals(units, old, new, [1] * len(units), seed)
        figures.append(
            {"name": name, "before": sum(old) / len(old), "after": sum(new) / len(new), "interval": interval}
        )
    if kind == "labels" and comparisons:
        truth = [comparison.reference for comparison in comparisons]
        before, after = (macro_f1([item.answers[side].text for item in comparisons], truth) for side in (0, 1))
        figures.append({"name": "macro_f1", "before": before, "after": after, "interval": None})
    worse = sum(comparison.change[0] < 0 for comparison in comparisons)
    return {"kind": kind, "answers": len(comparisons), "worse": worse, "figures": figures}


def show_samples(comparisons: Sequence[Comparison], count: int) -> list[dict[str, Any]]:
    """`count` comparisons as the report holds them: the regressions, worst first, then some others, evenly."""
    worse = [comparison for comparison in comparisons if comparison.change < (0, 0)][:count]
    others = [comparison for comparison in comparisons if comparison.change >= (0, 0)]
    shown = worse + [others[index] for index in spread(len(others), count - len(worse))]
    return [
        {
            "prompt": item.prompt,
            "before": item.answers[0].text,
            "after": item.answers[1].text,
            "reference": item.reference,
            "metric": item.metric,
            "score_before": item.scores[0][item.metric],
            "score_after": item.scores[1][item.metric],
            "loss_before": item.losses[0],
            "loss_after": item.losses[1],
            "ended": item.answers[1].ended,
            "verdict": "worse" if item.change < (0, 0) else "better" if item.change > (0, 0) else "same",
        }
        for item in shown
    ]
