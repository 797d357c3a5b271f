"""`tunebook analyze`: its options beyond the file itself."""

import json

import pytest
from click.testing import CliRunner

from webapp.cli import main


def row(prompt, answer):
    return json.dumps({"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]})


TEXT = "the bicycle number {} stands at the pier beside the ticket office and waits for whoever comes along first"


def analyzed(*arguments):
    return CliRunner().invoke(main, ["analyze", *map(str, arguments)])


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(row(f"Where is {n}?", TEXT.format(n)) for n in range(40)))
    return path


def test_a_validation_file_is_compared(data, tmp_path):
    held_out = tmp_path / "held-out.jsonl"
    held_out.write_text("\n".join([row("Unheard of?", "Entirely so."), row("Where is 3?", TEXT.format(3))]))
    report = json.loads(analyzed(data, "--validation", held_out, "--near-threshold", 1, "--json").stdout)
    assert report["leakage"] == {
        "checked": 2,
        "count": 1,
        "exact": 1,
        "near": 0,
        "rows": [{"validation_line": 2, "line": 4, "kind": "exact"}],
    }
    assert "leakage 1 of 2" in analyzed(data, "--validation", held_out, "--near-threshold", 1).stdout


@pytest.mark.parametrize(("threshold", "near"), [("0.4", 39), ("1", 0)])
def test_the_threshold_says_what_is_near(data, threshold, near):
    report = json.loads(analyzed(data, "--near-threshold", threshold, "--json").stdout)
    assert report["duplicates"]["near"] == near


@pytest.mark.parametrize("threshold", ["0", "-1", "1.01", "nan"])
def test_a_threshold_that_is_no_share_is_refused_before_the_work(data, threshold):
    done = analyzed(data, "--near-threshold", threshold)
    assert done.exit_code == 2
    assert "near_threshold" in done.stderr


def test_full_lists_have_every_line(data):
    report = json.loads(analyzed(data, "--full", "--json").stdout)
    assert [issue["lines"] for issue in report["quality_issues"] if issue["code"] == "near_duplicates"] == [
        list(range(2, 41))
    ]


def test_processes_give_the_same_report(data):
    assert analyzed(data, "--workers", 2, "--json").stdout == analyzed(data, "--json").stdout


@pytest.mark.parametrize(
    ("options", "word"), [(["--full"], "--json"), (["--engine", "ray", "--workers", "2"], "--workers")]
)
def test_options_that_do_not_go_together_are_a_usage_error(data, options, word):
    done = analyzed(data, *options)
    assert done.exit_code == 2
    assert word in done.stderr


def test_trained_tokens_are_those_of_the_models_template(data):
    plain = json.loads(analyzed(data, "--json").stdout)["tokens"]
    chatml, qwen3 = (
        json.loads(analyzed(data, "--model", name, "--json").stdout)["tokens"] for name in ("qwen3-4b", "qwen3-0.6b")
    )
    assert (plain["template"], chatml["template"], qwen3["template"]) == (None, "chatml", "qwen3")
    assert plain["total"] == chatml["total"]
    assert chatml["trained"] == plain["trained"] + 40 * 2  # the end of the turn, and a line break
    assert qwen3["trained"] > chatml["trained"]  # an empty thought
    assert "as its template chatml writes the answers" in analyzed(data, "--model", "qwen3-4b").stdout


def test_a_count_with_a_template_does_not_depend_on_the_engine(data):
    reports = [analyzed(data, "--model", "qwen3-0.6b", "--workers", n, "--json").stdout for n in (1, 2)]
    assert reports[0] == reports[1]
