"""The fuzzer's own checks on its seeds, and on seeds with a part cut out, doubled or turned over."""

import random

import pytest

from tests.fuzz.harness import check
from tests.fuzz.seeds import seeds

SEEDS = list(seeds())


def test_the_seeds_reach_reports_and_problems_of_every_floor() -> None:
    met = {check(seed) for seed in SEEDS}
    assert met >= {
        "report",
        "empty_file",
        "no_valid_examples",
        "ambiguous_format",
        "preference_data",
        "broken_json",
        "broken_parquet",
        "unsupported_file",
        "unsupported_encoding",
        "unknown_column",
    }


@pytest.mark.parametrize("turn", range(4))
def test_what_a_few_bytes_make_of_them_is_a_problem_or_a_report(turn: int) -> None:
    chance = random.Random(turn)
    for _ in range(100):
        data = bytearray(chance.choice(SEEDS))
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(len(data))
            end = start + chance.randint(1, 16)
            some = data[start:end]
            data[start:end] = chance.choice([b"", some * 2, some[::-1], bytes([chance.randrange(256)]), *SEEDS[:3]])
            data = data or bytearray(1)
        check(bytes(data))
