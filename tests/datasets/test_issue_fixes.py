"""Every issue says what to do about it."""

import numpy as np

from webapp.datasets.group_report import Leakage
from webapp.datasets.issue_fixes import ISSUE_FIXES, ISSUE_OPERATIONS
from webapp.datasets.marks import NAMES, Marked, bits
from webapp.datasets.privacy_kinds import KINDS
from webapp.datasets.quality import Evidence, quality_issues
from webapp.datasets.repair import Plan
from webapp.datasets.token_report import PerExample


def test_every_issue_has_a_fix_and_every_fix_an_issue() -> None:
    everything = Marked(np.arange(1, 6, dtype=np.uint32), np.array([bits(NAMES)] * 2 + [0] * 3, np.uint64))
    hits = {kind.name: 1 for kind in KINDS}
    evidence = Evidence(everything, [6], hits, PerExample(1, 1, 1, 5000), ["id"], Leakage(5, 1, 1, 0, []))
    assert {issue.code: issue.fix for issue in quality_issues(evidence)} == ISSUE_FIXES


def test_a_fix_is_a_sentence() -> None:
    assert all(fix[0].isupper() and fix.endswith(".") for fix in ISSUE_FIXES.values())


def test_every_operation_for_an_issue_can_be_done() -> None:
    assert ISSUE_OPERATIONS.keys() <= ISSUE_FIXES.keys()
    for operation in ISSUE_OPERATIONS.values():
        assert Plan.from_data([operation]).operations
