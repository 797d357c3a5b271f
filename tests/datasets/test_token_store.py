"""The store of token ids that near-duplicates are compared from."""

import numpy as np
import pytest

from webapp.datasets.jaccard import TokenStore
from webapp.datasets.tokens import TokenBatch


@pytest.mark.parametrize("longest", [0, 3, 2000], ids=["empty", "short", "long"])
def test_documents_are_read_as_they_were_written_in_any_order_and_as_often_as_wanted(longest: int) -> None:
    chance = np.random.default_rng(longest)
    documents = [chance.integers(0, 2**24, chance.integers(0, longest + 1)) for _ in range(300)]
    with TokenStore() as store:
        store.add(*TokenBatch.of(documents))
        for rows in (np.array([0]), np.array([299, 0, 299, 7]), chance.integers(0, 300, 1000)):
            ids, offsets = store.read(rows)
            found = np.split(ids, offsets[1:-1])
            assert [part.tolist() for part in found] == [documents[row].tolist() for row in rows]
