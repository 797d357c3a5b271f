"""`tunebook analyze --presidio`, with a stand-in for Presidio."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.datasets.lines import GOOD, user_with
from webapp.cli import main
from webapp.commands import analyzing


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    path.write_bytes(GOOD + b"\n" + user_with(content="Write to joe@initech.org"))
    return path


@pytest.mark.parametrize("more", [[], ["--full"]], ids=["short", "full"])
def test_the_flagged_rows_are_searched_again(data: Path, more: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyzing, "presidio_search", lambda: lambda text: ["person"] * ("joe" in text))
    result = CliRunner().invoke(main, ["analyze", str(data), "--presidio", "--json", *more])
    assert json.loads(result.stdout)["second_look"] == {
        "flagged": 1,
        "looked_at": 1,
        "cut": 0,
        "kinds": {"person": {"count": 1, "examples": 1, "lines": [2]}},
    }
    shown = CliRunner().invoke(main, ["analyze", str(data), "--presidio"]).output if not more else ""
    assert more or "presidio looked at 1 of 1 flagged example\n  person            1 in 1 example (line 2)" in shown


def test_without_presidio_there_is_no_second_look(data: Path) -> None:
    assert "second_look" not in json.loads(CliRunner().invoke(main, ["analyze", str(data), "--json"]).stdout)


def test_without_the_extra_it_ends_before_the_work(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    monkeypatch.setattr(analyzing, "analyzed", lambda *_, **__: pytest.fail("the file was analysed"))
    result = CliRunner().invoke(main, ["analyze", str(data), "--presidio"])
    assert result.exit_code == 3
    assert "pip install 'tunebook[presidio]'" in result.output
