"""Recall, precision and cost of the search for near-duplicates, on planted edits."""

import random
import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from webapp.datasets.jaccard import TokenStore
from webapp.datasets.near_duplicates import Clusters, NearDuplicates, check_threshold, sign
from webapp.datasets.openai_tokenizer import ENCODINGS, OpenAITokenizer
from webapp.datasets.tokens import TokenBatch
from webapp.errors import Problem
from webapp.resources import resource

RATES = (0.05, 0.10, 0.15, 0.20)
LENGTHS = (30, 50, 80, 120, 200)


def vocabulary(draw: random.Random) -> tuple[list[str], list[float]]:
    """10,000 words of one token each, the hardest to find again, and their cumulative frequencies (Zipf)."""
    rank_file = resource("encodings") / ENCODINGS["o200k_base"].rank_file
    tokens = (b64decode(line.split()[0]) for line in rank_file.read_bytes().splitlines())
    words = draw.sample([token[1:].decode() for token in tokens if re.fullmatch(rb" [a-z]{2,10}", token)], 10_000)
    return words, list(np.cumsum([1 / (rank + 10) for rank in range(len(words))]))


def edited(draw: random.Random, words: Sequence[str], rate: float, replacements: Sequence[str]) -> list[str]:
    """The words with `rate` of them changed: 60 % substituted, 20 % left out, 20 % followed by another."""
    found = list(words)
    for place in sorted(draw.sample(range(len(words)), round(rate * len(words))), reverse=True):
        kind = draw.random()
        another = [] if 0.6 <= kind < 0.8 else [draw.choice(replacements)]
        found[place : place + 1] = [words[place], *another] if kind >= 0.8 else another
    return found


@dataclass
class Planted:
    """Documents, of which some are edited copies: `pairs` maps a rate to (original, copy)."""

    documents: list[str]
    pairs: dict[float, list[tuple[int, int]]]


@pytest.fixture(scope="module")
def planted() -> Planted:
    draw = random.Random(2)
    words, frequencies = vocabulary(draw)
    originals = [draw.choices(words, cum_weights=frequencies, k=draw.choice(LENGTHS)) for _ in range(4000)]
    everything, pairs = list(originals), {}
    for rate in RATES:
        pairs[rate] = []
        for original in draw.sample(range(len(originals)), 200):
            pairs[rate].append((original, len(everything)))
            everything.append(edited(draw, originals[original], rate, words))
    return Planted([" ".join(document) for document in everything], pairs)


class Search:
    """A search over documents and the clusters it finds."""

    def __init__(self, documents: Sequence[str] | Sequence[Sequence[int]], threshold: float = 0.40) -> None:
        with TokenStore() as store:
            self.near = NearDuplicates(store)
            for start in range(0, len(documents), 1000):
                self.near.add(sign(encoded(documents[start : start + 1000])))
            self.clusters = self.near.clusters(np.ones(len(documents), np.bool_), threshold)

    @property
    def first(self) -> list[int]:
        return [int(index) for index in self.clusters.first]


def encoded(documents: Sequence[str] | Sequence[Sequence[int]]) -> TokenBatch:
    if documents and isinstance(documents[0], str):
        return OpenAITokenizer().encode([str(document) for document in documents])
    return TokenBatch.of([list(map(int, document)) for document in documents])


def numbers(draw: random.Random, length: int) -> list[int]:
    return [draw.randrange(200_000) for _ in range(length)]


def test_planted_edits_are_found_and_nothing_else(planted: Planted) -> None:
    first = Search(planted.documents).first
    together = {rate: [first[a] == first[b] for a, b in pairs] for rate, pairs in planted.pairs.items()}
    recall = {rate: sum(found) / len(found) for rate, found in together.items()}
    assert min(recall[0.05], recall[0.10], recall[0.15]) >= 0.99
    assert sum(recall.values()) / len(RATES) >= 0.97
    origin = list(range(len(planted.documents)))
    for pairs in planted.pairs.values():
        for original, copy in pairs:
            origin[copy] = original
    found = [index for index in range(len(first)) if first[index] != index]
    right = sum(origin[index] == origin[first[index]] for index in found)
    assert right / len(found) >= 0.97


def test_unrelated_documents_make_no_pair(planted: Planted) -> None:
    unrelated = planted.documents[:4000]
    assert Search(unrelated).first == list(range(4000))


def test_what_is_alike_through_a_third_is_one_cluster() -> None:
    draw = random.Random(3)
    left, middle, right = (numbers(draw, 100) for _ in range(3))
    documents = [left + middle, numbers(draw, 200), middle + right, left + middle[:50] + middle[50:] + right]
    search = Search(documents)
    assert search.first == [0, 1, 0, 0]
    assert search.clusters.similarity().round(1).tolist() == [0.7, 1.0, 1.0, 1.0]


def test_documents_without_a_bigram_are_alone() -> None:
    assert Search([[], [7], [7], [], [1, 2], [1, 2]]).first == [0, 1, 2, 3, 4, 4]


def test_only_those_asked_for_are_compared() -> None:
    with TokenStore() as store:
        near = NearDuplicates(store)
        near.add(sign(TokenBatch.of([list(range(50))] * 4)))
        assert near.clusters(np.array([False, True, False, True])).first.tolist() == [0, 1, 2, 1]


def test_no_document_at_all() -> None:
    assert Search([]).first == []


def test_the_order_of_additions_makes_no_difference() -> None:
    draw = random.Random(4)
    documents = [numbers(draw, 40) for _ in range(2500)]
    documents += [[*document[:-1], 5] for document in documents[:100]]
    with TokenStore() as store:
        near = NearDuplicates(store)
        near.add(sign(TokenBatch.of(documents)))
        at_once = near.clusters(np.ones(len(documents), np.bool_)).first.tolist()
    assert at_once == Search(documents).first == [*range(2500), *range(100)]


def near_identical(count: int) -> Iterator[list[int]]:
    draw = random.Random(5)
    document = numbers(draw, 60)
    for number in range(count):
        document[number % 60] = draw.randrange(200_000)
        yield list(document)


@pytest.mark.parametrize("count", [2000, 20_000])
def test_the_pairs_compared_grow_with_the_rows_even_when_all_are_near_identical(count: int) -> None:
    template = numbers(random.Random(6), 60)
    documents = [[*template, number] for number in range(count)]
    search = Search(documents)
    assert search.first == [0] * count
    assert search.near.compared <= 2 * count


def test_rows_that_drift_apart_cost_at_most_64_pairs_each() -> None:
    search = Search(list(near_identical(5000)))
    assert search.near.compared <= 64 * 5000


def test_a_template_just_below_the_threshold_is_refused_cheaply() -> None:
    draw = random.Random(8)
    template = numbers(draw, 50)
    search = Search([[*template, *numbers(draw, 40)] for _ in range(3000)])
    assert search.first == list(range(3000))
    assert search.near.verified <= 8 * 3000


def test_a_long_chain_of_links_is_one_cluster() -> None:
    clusters = Clusters(10_000)
    order = np.random.default_rng(7).permutation(9999)
    clusters.link(order, order + 1, np.linspace(0.5, 1, 9999))
    assert not clusters.first.any()
    assert clusters.similarity()[0] == 0.5


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01, float("nan")])
def test_a_threshold_that_is_no_similarity_is_refused(threshold: float) -> None:
    with pytest.raises(Problem) as caught:
        check_threshold(threshold)
    assert (caught.value.code, caught.value.param) == ("invalid_near_threshold", "near_threshold")
    with pytest.raises(Problem, match="near_threshold"):
        Search([[1, 2]], threshold)
