"""What fuzzing found, each as the smallest input that showed it."""

import json

import pytest

from tests.datasets.lines import ANSWER, GOOD, USER
from tests.datasets.test_containers import as_parquet
from tests.fuzz.harness import check

FOUND = {
    "a Parquet text that is no UTF-8": as_parquet([{"text": "Nothing"}]).replace(b"Nothing", b"Not\xa2ing"),
    "a long number in a column beside messages of another name": json.dumps(
        {"Messages": [USER, ANSWER], "id": -(2**63) - 1}
    ).encode(),
    "a long number beside a name with white space": GOOD[:-1].replace(b'":', b'" :', 1)
    + b', "id": 18446744073709551616}',
}


@pytest.mark.parametrize("how", [b"\x00", b"\x70"], ids=["analysed", "fixed"])
@pytest.mark.parametrize("found", FOUND)
def test_it_is_a_report_or_a_problem_now(found: str, how: bytes) -> None:
    check(how + FOUND[found])
