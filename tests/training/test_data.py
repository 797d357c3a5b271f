import gzip
import hashlib
import json

import pytest

from webapp.training.data import MAX_HELD_OUT, decode_conversations, split_conversations


def embedded(rows):
    raw = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    return gzip.compress(raw), hashlib.sha256(raw).hexdigest()


def test_conversations_come_back_as_they_were():
    rows = [{"messages": [{"role": "user", "content": "line\u2028separator \x85 and é"}]}, {"messages": []}]
    assert decode_conversations(*embedded(rows)) == rows


def test_changed_data_is_refused():
    payload, _ = embedded([{"messages": []}])
    with pytest.raises(ValueError, match="SHA-256"):
        decode_conversations(payload, "0" * 64)


def test_the_split_covers_every_row_once_and_depends_on_the_seed(conversations):
    train, held_out = split_conversations(conversations, 0.1, seed=1)
    assert sorted(train + held_out) == list(range(60))
    assert len(held_out) == 6
    assert (train, held_out) == split_conversations(conversations, 0.1, seed=1)
    assert held_out != split_conversations(conversations, 0.1, seed=2)[1]


def test_duplicates_never_stand_on_both_sides(conversations):
    doubled = conversations + conversations
    train, held_out = split_conversations(doubled, 0.2, seed=3)
    seen = {json.dumps(doubled[index]) for index in train}
    assert not seen & {json.dumps(doubled[index]) for index in held_out}


@pytest.mark.parametrize("seed", range(10))
def test_a_row_many_times_over_is_trained_on(conversations, seed):
    train, held_out = split_conversations([conversations[0]] * 60 + conversations[1:41], 0.1, seed)
    assert (len(train), len(held_out)) == (90, 10)
    few = [conversations[0]] * 48 + [conversations[1]] * 47 + conversations[2:7]
    assert len(split_conversations(few, 0.1, seed)[1]) == 5


def test_two_rows_are_enough_and_one_is_not(conversations):
    assert [len(side) for side in split_conversations(conversations[:2], 0.5, seed=0)] == [1, 1]
    with pytest.raises(ValueError, match="two different"):
        split_conversations([conversations[0]] * 5, 0.5, seed=0)


def test_large_data_holds_out_a_bounded_part():
    many = [{"messages": [{"role": "user", "content": str(number)}]} for number in range(20_000)]
    train, held_out = split_conversations(many, 0.1, seed=0)
    assert len(held_out) == MAX_HELD_OUT
    assert len(train) == 20_000 - MAX_HELD_OUT
