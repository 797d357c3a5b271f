"""Hashes: equal for what is equal, and for nothing else."""

import numpy as np
import xxhash

from webapp.datasets.hashing import line_digests, line_ends, mix, text_hashes


def test_mixing_is_one_to_one_and_spreads() -> None:
    mixed = mix(np.arange(100_000, dtype=np.uint64))
    assert len(np.unique(mixed)) == 100_000
    assert np.histogram((mixed >> np.uint64(32)).astype(np.float64), 10, (0, 2**32))[0].min() > 9500


def test_mixing_gives_the_known_numbers() -> None:
    # The first outputs of splitmix64 from seed 0, as in the Java and C references.
    golden = np.uint64(0x9E3779B97F4A7C15)
    seeds = np.array([1, 2, 3], np.uint64) * golden
    assert mix(seeds).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


def test_texts_are_hashed_in_their_order() -> None:
    texts = [text.encode() for text in ("", "Hej då", "日本", "Hej då")]
    assert text_hashes(texts).tolist() == [xxhash.xxh3_64_intdigest(text) for text in texts]
    assert text_hashes([]).tolist() == []


def test_a_digest_is_two_numbers_a_line() -> None:
    digests = line_digests(b"a\nb\na\n", line_ends(b"a\nb\na\n"))
    assert digests.shape == (3, 2)
    assert digests[0].tolist() == digests[2].tolist() != digests[1].tolist()
    assert digests[1].tobytes() == xxhash.xxh3_128_digest(b"b\n")
    assert line_digests(b"", line_ends(b"")).shape == (0, 2)
