"""`tunebook fix` and `tunebook export` as a person uses them."""

import json

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from webapp.cli import main
from webapp.datasets import sample_path

SAMPLE = str(sample_path())


def tunebook(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def line(number, user="user"):
    asked = {"role": user, "content": f" {number * 31} is what I ask, from {number}@lind.se"}
    return json.dumps({"messages": [asked, {"role": "assistant", "content": f"Answer {number}"}]})


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join([*map(line, range(20)), line(3), line(50, "Human"), "not json"]) + "\n")
    return path


@pytest.fixture
def clean(tmp_path):
    return tmp_path / "clean.jsonl"


def test_the_contract(data, clean):
    done = tunebook("fix", data, "-o", clean, "--dedupe", "exact", "--drop-invalid", "--redact", "--json")
    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    assert {item["name"]: item["dropped"] for item in answer["operations"]} == {
        "redact": 0,
        "drop_invalid": 2,
        "dedupe": 1,
    }
    rows = clean.read_text().splitlines()
    assert len(rows) == answer["rows_written"] == 20
    assert "[EMAIL_1]" in rows[0]
    assert json.loads(tunebook("analyze", clean, "--json").stdout)["privacy"] == {"kinds": {}}


def test_rows_with_nothing_to_learn_are_dropped(tmp_path, clean):
    path = tmp_path / "silent.jsonl"
    path.write_text("\n".join([line(1), line(2).replace("Answer 2", " ")]))
    done = tunebook("fix", path, "-o", clean, "--drop-empty")
    assert "drop_empty        1 dropped" in done.stdout
    assert len(clean.read_text().splitlines()) == 1


def test_what_is_not_asked_for_is_not_done(data, clean):
    done = tunebook("fix", data, "-o", clean, "--normalise-roles")
    assert "normalise_roles   1 changed" in done.stdout
    assert "still invalid, kept" in done.stdout
    assert clean.read_text().splitlines()[-1] == "not json"
    assert len(clean.read_text().splitlines()) == 23


def test_a_fix_that_changes_nothing_says_so_and_writes_the_rows(clean):
    done = tunebook("fix", SAMPLE, "-o", clean, "--trim")
    assert "trim              nothing to do" in done.stdout
    assert f"nothing to change: {clean} has the same rows" in done.stdout
    assert len(clean.read_text().splitlines()) == 300
    assert "nothing to change\n" in tunebook("fix", clean, "--trim", "--preview").stdout
    assert json.loads(tunebook("fix", clean, "--trim", "--preview", "--json").stdout)["unchanged"] is True


def test_a_preview_writes_nothing_and_shows_rows(data, tmp_path):
    done = tunebook("fix", data, "--redact", "--trim", "--preview")
    assert done.exit_code == 0
    assert "{+[+}{+EMAIL_1+}{+]+}" in done.stdout or "[EMAIL_1]" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]


def test_a_validation_part_goes_to_its_own_file(data, clean, tmp_path):
    held_out = tmp_path / "validation.jsonl"
    options = ("--drop-invalid", "--validation-share", 0.25, "--validation-output", held_out, "--seed", 7)
    assert tunebook("fix", data, "-o", clean, *options).exit_code == 0
    assert len(held_out.read_text().splitlines()) == 5
    assert not set(held_out.read_text().splitlines()) & set(clean.read_text().splitlines())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--trim",), "-o"),
        (("-o", "x"), "at least one operation"),
        (("-o", "x", "--validation-share", "0.1"), "go together"),
        (("-o", "x", "--trim", "--validation-output", "y"), "go together"),
        (("-o", "x", "--validation-share", "0.9", "--validation-output", "y"), "0.5"),
        (("-o", "x", "--max-tokens", "1"), "16"),
        (("-o", "x", "--trim", "--keep", "none"), "--dedupe"),
        (("-o", "x", "--trim", "--seed", "1"), "--validation-share"),
        (("-o", "x", "--dedupe", "roughly"), "roughly"),
        (("-o", "x", "--validation-share", "0.2", "--validation-output", "./x"), "a file of their own"),
    ],
)
def test_a_wrong_option_is_exit_status_two_and_writes_nothing(data, tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    done = tunebook("fix", data, *options)
    assert done.exit_code == 2
    assert said in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]


def test_a_fix_that_leaves_nothing_is_the_datas_fault(tmp_path, clean):
    path = tmp_path / "bad.jsonl"
    path.write_text("{\n")
    done = tunebook("fix", path, "-o", clean, "--drop-invalid")
    assert done.exit_code == 1
    assert "No valid example would be left" in done.stderr
    assert not clean.exists()


def test_an_output_that_cannot_be_written_is_this_machines_fault(data):
    assert tunebook("fix", data, "-o", data / "x" / "clean.jsonl", "--trim").exit_code == 3


@pytest.mark.parametrize("name", ["jsonl", "parquet"])
def test_the_sample_is_exported_whole(tmp_path, name):
    output = tmp_path / "out"
    done = tunebook("export", SAMPLE, "-o", output, "--format", name)
    assert done.exit_code == 0
    assert "300 rows" in done.stdout
    rows = pq.read_table(output).num_rows if name == "parquet" else len(output.read_text().splitlines())
    assert rows == 300


def test_invalid_lines_are_not_exported_and_counted(data, tmp_path):
    done = tunebook("export", data, "-o", tmp_path / "out", "--format", "sharegpt")
    assert done.exit_code == 0
    assert "2 invalid lines" in done.stderr
    assert len((tmp_path / "out").read_text().splitlines()) == 21


def test_what_a_format_cannot_hold_is_the_datas_fault_and_leaves_no_file(tmp_path):
    done = tunebook("export", SAMPLE, "-o", tmp_path / "out", "--format", "alpaca")
    assert done.exit_code == 1
    assert "cannot hold" in done.stderr
    assert list(tmp_path.iterdir()) == []
