"""What a run reads: rows and tokens of a dataset, cut to the training length, held out and packed."""

import math

import msgspec

from webapp.catalog.held_out import really_held_out
from webapp.datasets import Analysis

TOKENS_PER_MESSAGE = 5  # of a chat template: two markers, the role, two line ends (ChatML)
PACKED_SHARE = 0.96  # of a packed row that is filled: best fit of 400 chats
EVALUATIONS = 5  # in a run, as in webapp.training.loop
ANSWERS_TOGETHER = 8  # as in webapp.training.answering


class RunPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What of the training settings decides how long a run takes; the defaults are the notebook's.

    `evaluations` are those while training; the held-out rows are read once more before it. `max_batches` ends the
    training early, 0 never.
    """

    epochs: int = 3
    batch_size: int = 2
    max_seq_length: int = 1024
    eval_fraction: float = 0.1
    packing: bool = False
    train_turns: str = "separate"
    evaluations: int = EVALUATIONS
    lora_rank: int = 16
    max_batches: int = 0
    answers: int = 32
    max_new_tokens: int = 128


class Workload(msgspec.Struct, frozen=True):
    """One pass over the data: micro-batches of `rows` rows that are `length` tokens long on average."""

    rows: float
    length: int
    train_batches: int
    eval_batches: int


def row_lengths(analysis: Analysis, plan: RunPlan) -> tuple[float, float]:
    """How many rows there are to train on or hold out, and their mean length in tokens, cut at the longest.

    A conversation of n answers gives n rows that begin alike where `train_turns` is "separate": together (n + 1) / 2
    times its tokens.
    """
    tokens, traits = analysis.tokens, analysis.characteristics
    examples = sum(item.count for item in tokens.histogram)
    if not examples:
        return 0.0, 0.0
    middle = [((item.start + item.end - 1) / 2, item.count) for item in tokens.histogram]
    scale = tokens.total / max(1.0, sum(length * count for length, count in middle))
    template = TOKENS_PER_MESSAGE * (2 * traits.turns_avg + traits.system_prompt_share)
    answers = max(1.0, traits.turns_avg) if plan.train_turns == "separate" else 1.0
    share = (answers + 1) / (2 * answers)  # of its conversation that a row has on average
    lengths = [(min(share * (length * scale + template), plan.max_seq_length), count) for length, count in middle]
    return examples * answers, sum(length * count for length, count in lengths) / examples


def run_tokens(analysis: Analysis, plan: RunPlan) -> int:
    """Tokens that training reads in all epochs, after truncation, without the held-out rows and without padding.

    Rows of a batch are of like length, so there is little padding; packed rows have 4 %.
    """
    rows, length = row_lengths(analysis, plan)
    load, trained = workload(analysis, plan), rows - _held_out_rows(analysis, plan, rows)
    whole = max(1, plan.epochs * load.train_batches)
    return round(plan.epochs * trained * length * trained_batches(load, plan) / whole)


def _held_out_rows(analysis: Analysis, plan: RunPlan, rows: float) -> float:
    """How many of the rows are held out: those of whole conversations."""
    return rows * really_held_out(analysis.total_examples, plan.eval_fraction)


def trained_batches(load: Workload, plan: RunPlan) -> int:
    """The micro-batches that are trained in all epochs."""
    whole = plan.epochs * load.train_batches
    return min(whole, plan.max_batches) if plan.max_batches else whole


def workload(analysis: Analysis, plan: RunPlan) -> Workload:
    """The micro-batches of an epoch and of one evaluation."""
    rows, length = row_lengths(analysis, plan)
    held_out = _held_out_rows(analysis, plan, rows)
    eval_batches = math.ceil(held_out / plan.batch_size)
    if plan.packing:
        per_row = PACKED_SHARE * plan.max_seq_length
        packed = math.ceil((rows - held_out) * length / per_row)
        return Workload(plan.batch_size, plan.max_seq_length, math.ceil(packed / plan.batch_size), eval_batches)
    return Workload(
        plan.batch_size, max(1, round(length)), math.ceil((rows - held_out) / plan.batch_size), eval_batches
    )
