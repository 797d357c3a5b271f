"""The retrieval baseline: each held-out prompt is answered with the answer of the training prompt most like it.

Likeness is the cosine of TF-IDF vectors (Salton and Buckley, Term-weighting approaches in automatic text retrieval,
1988) of words; where a script writes none apart, of its characters and pairs of them.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import chain, pairwise

import msgspec
import numpy as np
import numpy.typing as npt

from webapp.baselines.pairs import Pair
from webapp.training.intervals import Interval, paired_intervals
from webapp.training.metrics import WORD, choose_metric, score_answer
from webapp.training.report_page import METRIC_NAMES

SHARES = (0.25, 0.5, 1.0)  # of the conversations for training, each part of the next one

Scores = npt.NDArray[np.float64]


class CurvePoint(msgspec.Struct, frozen=True):
    """The mean score of the look-up in the `rows` of a part of the conversations for training."""

    rows: int
    score: float


class RetrievalBaseline(msgspec.Struct, frozen=True, kw_only=True):
    """Mean scores, 0 to 1, of looking the `held_out` answers up among those of `trained` rows; a row is one answer.

    `most_frequent` and `random` are the floors: the same answer always, and any training answer. `advantage` is what
    the look-up has over the higher of them, `gain` what the second half of the training rows added to it. `same_prompt`
    counts held-out rows whose very prompt is also one for training. Intervals are 95 % bootstrap intervals over the
    held-out conversations.
    """

    metric: str
    trained: int
    held_out: int
    score: float
    interval: Interval
    most_frequent: float
    random: float
    advantage: Interval
    curve: list[CurvePoint]
    gain: Interval
    same_prompt: int

    @property
    def metric_name(self) -> str:
        """The metric as people call it."""
        return METRIC_NAMES[self.metric]

    @property
    def floor(self) -> float:
        """The higher of the two floors."""
        return max(self.most_frequent, self.random)


def retrieval_baseline(
    training: Sequence[Sequence[Pair]], held_out: Sequence[Sequence[Pair]], seed: int
) -> RetrievalBaseline:
    """The baseline of the pairs of at least two different conversations held out, by those of `training`.

    The metric is the one by which a notebook's report compares these answers (training/metrics.py).
    """
    draw = np.random.default_rng(seed)
    training = [training[place] for place in draw.permutation(len(training)).tolist()]
    known, asked = list(chain.from_iterable(training)), list(chain.from_iterable(held_out))
    kind = choose_metric([pair.answer for pair in asked])
    name = next(iter(score_answer(kind, "", "")))

    @cache
    def score(answer: str, reference: str) -> float:
        return score_answer(kind, answer, reference)[name]

    def scores(places: Sequence[int]) -> Scores:
        found = zip(places, asked, strict=True)
        return np.array([score(known[place].answer, pair.answer) for place, pair in found])

    def intervals(before: Scores, after: Scores) -> dict[str, Interval]:
        return _intervals([len(conversation) for conversation in held_out], before, after, seed)

    sizes = [sum(map(len, training[: max(1, round(share * len(training)))])) for share in SHARES]
    nearest = _nearest([pair.prompt for pair in known], [pair.prompt for pair in asked], sizes)
    curve = [scores(places) for places in nearest]
    frequent = scores([_most_frequent(known)] * len(asked))
    random = scores(draw.integers(len(known), size=len(asked)).tolist())
    _, half, whole = curve
    above = intervals(max(frequent, random, key=_mean), whole)
    prompts = {pair.prompt for pair in known}
    return RetrievalBaseline(
        metric=name,
        trained=len(known),
        held_out=len(asked),
        score=_mean(whole),
        interval=above["after"],
        most_frequent=_mean(frequent),
        random=_mean(random),
        advantage=above["change"],
        curve=[CurvePoint(size, _mean(found)) for size, found in zip(sizes, curve, strict=True)],
        gain=intervals(half, whole)["change"],
        same_prompt=sum(pair.prompt in prompts for pair in asked),
    )


def most_frequent_share(found: Sequence[Pair]) -> float:
    """How many of the answers, 0 to 1, are the most frequent one."""
    ((_, count),) = Counter(pair.answer for pair in found).most_common(1) or [("", 0)]
    return round(count / max(1, len(found)), 4)


def _most_frequent(known: Sequence[Pair]) -> int:
    """Where the most frequent answer first is."""
    answers = [pair.answer for pair in known]
    return answers.index(Counter(answers).most_common(1)[0][0])


def _nearest(known: Sequence[str], asked: Sequence[str], sizes: Sequence[int]) -> list[list[int]]:
    """For each size, of each asked prompt the place of the most similar among the first `size` known ones.

    Any place where nothing is in common. Words are weighted by all known prompts for every size.
    """
    if not any(map(WORD.search, known)):
        return [[0] * len(asked) for _ in sizes]
    # Imported here: it takes a second, and only jobs and the command line measure.
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.pipeline import make_pipeline

    # Hashed: sorting a vocabulary of pairs of characters would take longer than all the rest.
    counts = HashingVectorizer(analyzer=_terms, alternate_sign=False, norm=None, dtype=np.float32)
    vectors = make_pipeline(counts, TfidfTransformer(sublinear_tf=True))
    table = vectors.fit_transform(known)
    likeness = (vectors.transform(asked) @ table.T).toarray()
    return [likeness[:, :size].argmax(axis=1).tolist() for size in sizes]


def _terms(text: str) -> list[str]:
    words = WORD.findall(text.casefold())
    return words + [one + other for one, other in pairwise(words) if len(one) == len(other) == 1]


def _intervals(answers: Sequence[int], before: Scores, after: Scores, seed: int) -> dict[str, Interval]:
    """The intervals over conversations that have so many `answers` each."""
    units = np.repeat(np.arange(len(answers)), answers).tolist()
    found = paired_intervals(units, before.tolist(), after.tolist(), [1] * len(units), seed)
    if found is None:
        raise ValueError("an interval needs at least two held-out conversations")
    return {name: (round(low, 4), round(high, 4)) for name, (low, high) in found.items()}


def _mean(scores: Scores) -> float:
    return round(float(scores.mean()), 4)
