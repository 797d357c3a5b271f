"""The store of token ids that near-duplicates are compared from."""

import numpy as np
import pytest

from webapp.datasets.jaccard import TokenStore
from webapp.datasets.tokens import TokenBatch


@pytest.mark.parametrize("longest", [0, 3, 2000], ids=["empty", "short", "long"])
def test_documents_are_read_as_they_were_written(longest: int) -> None:
    chance = np.random.default_rng(longest)
    documents = [chance.integers(0, 2**24, chance.integers(0, longest + 1)) for _ in range(300)]
    with TokenStore() as store:
        for some in (documents[:100], documents[100:]):
            store.add(*TokenBatch.of(some))
            found = store.documents()
        assert [found.text(row).tolist() for row in range(300)] == [document.tolist() for document in documents]
        rows = chance.integers(0, 300, 1000)
        assert found.lengths(rows).tolist() == [len(documents[row]) for row in rows]


def test_what_is_added_later_leaves_documents_that_were_read_before_as_they_are() -> None:
    with TokenStore() as store:
        store.add(*TokenBatch.of([[1, 2, 3]]))
        before = store.documents()
        store.add(*TokenBatch.of([[4]]))
        assert before.counts.tolist() == [3]
        assert store.documents().text(1).tolist() == [4]
