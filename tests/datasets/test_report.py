"""The report as JSON data."""

import io
import json

import msgspec
import pytest

from webapp.datasets import Analysis, analyze

LINES = b"""
{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "id": 1}
{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
{"messages": []}
"""


@pytest.fixture(scope="module")
def report() -> Analysis:
    return analyze(io.BytesIO(LINES))


def test_a_report_survives_json(report: Analysis) -> None:
    assert Analysis.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def test_further_keys_are_ignored_when_it_is_read_back(report: Analysis) -> None:
    assert Analysis.from_dict({**report.to_dict(), "session_id": "a"}) == report


def test_something_else_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        Analysis.from_dict({"total_examples": "many"})


def test_the_report_holds_the_documented_fields(report: Analysis) -> None:
    body = report.to_dict()
    assert list(body) == [
        "total_examples",
        "total_tokens",
        "avg_tokens_per_example",
        "quality_score",
        "quality_issues",
        "format_valid",
        "format",
        "source",
        "sha256",
        "invalid_lines",
        "tokens",
        "quality",
        "duplicates",
        "conflicts",
        "leakage",
        "truncation",
        "task_guess",
        "distribution",
        "characteristics",
        "privacy",
        "languages",
    ]
    assert (body["total_examples"], body["total_tokens"], body["avg_tokens_per_example"]) == (2, 4, 2.0)
    assert (body["format"], body["format_valid"]) == ("openai_messages", False)
    assert body["invalid_lines"]["count"] == 1
    assert set(body["invalid_lines"]["items"][0]) == {"line", "column", "path", "code", "message"}
    assert body["duplicates"] == {
        "count": 1,
        "exact": 1,
        "near": 0,
        "examples": [1],
        "groups": [{"kind": "exact", "similarity": 1.0, "size": 2, "lines": [2, 3]}],
    }
    assert body["conflicts"] == {"count": 0, "group_count": 0, "groups": []}
    assert body["leakage"] is None
    assert body["truncation"] == [{"context": 512, "examples": 0, "share": 0.0}]
    assert set(body["task_guess"]) == {"task", "confidence", "reasons"}
    assert body["tokens"].keys() == {
        "tokenizer",
        "exact",
        "note",
        "total",
        "trained",
        "per_example",
        "histogram",
        "by_role",
        "spot_check",
        "expected_error",
        "template",
    }
    assert body["tokens"]["per_example"] == {"p50": 2, "p95": 2, "p99": 2, "max": 2}
    assert body["tokens"]["histogram"] == [{"start": 0, "end": 32, "count": 2}]
    assert body["tokens"]["by_role"] == {"assistant": 2, "user": 2}
    assert all(
        set(issue) == {"code", "severity", "count", "message", "lines", "fix"} for issue in body["quality_issues"]
    )
