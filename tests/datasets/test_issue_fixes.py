"""Every issue says what to do about it."""

import ast
import inspect

from webapp.datasets import quality
from webapp.datasets.issue_fixes import ISSUE_FIXES
from webapp.datasets.marks import NAMES


def test_every_issue_has_a_fix_and_every_fix_an_issue() -> None:
    source = inspect.getsource(quality)
    words = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    assert set(ISSUE_FIXES) <= {word for word in words if isinstance(word, str)} | set(NAMES)


def test_a_fix_is_a_sentence() -> None:
    assert all(fix[0].isupper() and fix.endswith(".") for fix in ISSUE_FIXES.values())
