"""What the baseline and the number of rows say of fine-tuning, in a sentence each.

The borders are our judgement, written down here only; they were not fitted to anything.
"""

from typing import Literal, NamedTuple

from webapp.baselines.retrieval import RetrievalBaseline

Code = Literal[
    "one_answer_dominates",
    "too_few_rows",
    "cannot_be_told",
    "answers_can_be_looked_up",
    "more_rows_help",
    "worth_trying",
    "prompts_do_not_decide",
    "no_better_than_guessing",
]

FEW_ROWS = 100  # OpenAI's fine-tuning guide: "clear improvements from fine-tuning on 50 to 100 training examples"
MIN_HELD_OUT = 20  # different conversations; with fewer the interval is as wide as what is to be told
NEARLY_ALL = 0.9  # of the answers, or of the score
RISING = 0.02  # the least that the second half of the rows must add to the score


class Verdict(NamedTuple):
    """A stable code, and the sentence for people."""

    code: Code
    message: str


def judge(rows: int, most_frequent_share: float, held_out: int, found: RetrievalBaseline | None) -> Verdict:
    """The first verdict that holds for `rows` valid examples; `found` is None where too few are held out."""
    if rows >= MIN_HELD_OUT and most_frequent_share >= NEARLY_ALL:
        return Verdict(
            "one_answer_dominates",
            f"{most_frequent_share:.0%} of the answers to be learned are the same one: a model would learn to give it "
            "nearly always. Add rows with other answers.",
        )
    if rows < FEW_ROWS:
        return Verdict(
            "too_few_rows",
            f"{rows} rows are few: OpenAI's fine-tuning guide sees clear improvements from 50 to {FEW_ROWS} rows on, "
            f"and the {held_out} held out are too few to measure anything. First try a prompt with some of these rows "
            "as examples.",
        )
    if found is None:
        return Verdict(
            "cannot_be_told",
            f"Of {rows:,} rows only {held_out} different ones with a prompt are held out, and nothing can be told from "
            f"fewer than {MIN_HELD_OUT}: add rows that differ.",
        )
    return _judge_look_up(found)


def _judge_look_up(found: RetrievalBaseline) -> Verdict:
    _, half, whole = found.curve
    gets = f"gets {found.score:.2f} ({found.metric_name})"
    looked_up = f"Looking up the most similar of {found.trained:,} prompts {gets}"
    than = f"against {found.floor:.2f} without a look at the prompt"
    if found.score >= NEARLY_ALL:
        return Verdict(
            "answers_can_be_looked_up",
            f"{looked_up} on {found.held_out} held-out rows: the answers can simply be looked up. A search over the "
            "rows may do, without a trained model.",
        )
    if found.gain[0] > 0 and whole.score - half.score >= RISING:
        return Verdict(
            "more_rows_help",
            f"{looked_up}, {than}, and {half.score:.2f} with half of the rows: it still rises, so more rows are likely "
            "to help a model too.",
        )
    if found.advantage[0] > 0:
        return Verdict(
            "worth_trying",
            f"{looked_up}, {than}: the answers depend on the prompts, and a look-up does not find them all. "
            "Fine-tuning is worth trying.",
        )
    if 2 * found.same_prompt >= found.held_out:
        return Verdict(
            "prompts_do_not_decide",
            f"{found.same_prompt} of {found.held_out} held-out prompts are also in the rows for training, and yet "
            f"looking them up {gets}, {than}: the prompts do not decide the answers. A model can learn what answers "
            "look like, not which one to give.",
        )
    return Verdict(
        "no_better_than_guessing",
        f"{looked_up}, {than}. Either the answers have to be worked out, which fine-tuning can teach and a look-up "
        "cannot do, or the prompts do not decide them, which nothing can teach. A look-up cannot tell these two apart: "
        "read ten rows.",
    )
