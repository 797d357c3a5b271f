"""`tunebook estimate` as a person uses it."""

import json

import pytest
from click.testing import CliRunner

from webapp.api.schemas import EstimateQuery
from webapp.cli import main
from webapp.datasets import sample_path


def tunebook(*arguments):
    return CliRunner().invoke(main, ["estimate", *map(str, arguments)])


def test_the_contract():
    arguments = ["--model", "qwen3-4b", "--method", "lora", "--gpu", "t4", "--length", "1024", "--batch", "2", "--json"]
    done = tunebook(*arguments)
    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    assert set(answer["memory_gib"]) >= {"low", "mid", "high", "parts"}
    assert answer["fits"] is True
    assert answer["minutes_per_million_tokens"]["low"] < answer["minutes_per_million_tokens"]["high"]


def test_rank_and_checkpointing_change_the_memory():
    peaks = [
        json.loads(tunebook("--model", "qwen3-4b", "--json", *more).stdout)["memory_gib"]["mid"]
        for more in ((), ("--rank", 64), ("--no-checkpointing",))
    ]
    assert peaks[0] < peaks[1] < peaks[2]


def test_people_read_parts_ranges_and_dated_prices():
    said = tunebook("--model", "qwen3-8b", "--gpu", "t4").stdout
    assert "GiB of 14.75: does not fit" in said
    assert "activations" in said
    assert "not verified" in said


def test_a_dataset_is_estimated_as_a_whole_run():
    said = tunebook("--model", "qwen3-1.7b", "--data", sample_path(), "--epochs", 2)
    assert said.exit_code == 0
    assert "the whole run" in said.stdout


def test_the_columns_of_a_dataset_can_be_named(tmp_path):
    data = tmp_path / "d.csv"
    data.write_text("frage,antwort\n" + "".join(f"Was ist {n}?,Das ist {n}.\n" for n in range(20)))
    assert tunebook("--model", "qwen3-1.7b", "--data", data).exit_code == 1
    mapping = ("--map", "frage=prompt", "--map", "antwort=completion")
    assert "the whole run" in tunebook("--model", "qwen3-1.7b", "--data", data, *mapping).stdout


@pytest.mark.parametrize("option", ["batch", "length", "rank", "epochs"])
@pytest.mark.parametrize("value", [0, -1, "9" * 400, "9" * 5000, "many"])
def test_a_number_beyond_the_bounds_of_the_api_is_a_mistake_of_usage(option, value):
    done = tunebook("--model", "qwen3-4b", f"--{option}", value)
    assert done.exit_code == 2
    assert f"--{option}" in done.stderr


@pytest.mark.parametrize("option", ["batch", "length", "rank", "epochs"])
def test_the_bounds_are_those_of_the_api(option):
    bounds = EstimateQuery.model_json_schema()["properties"][option]
    assert f"{bounds['minimum']}<=x<={bounds['maximum']}" in tunebook("--help").stdout


def test_a_card_without_a_price_says_so():
    assert "what it costs there is not known" in tunebook("--model", "qwen3-4b", "--gpu", "h100").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "gpt-9"), "There is no model"),
        (("--model", "qwen3-4b", "--gpu", "abacus"), "There is no gpu"),
        (("--model", "qwen3-4b", "--gpu", "cpu", "--method", "qlora"), "cannot be run"),
    ],
)
def test_a_name_that_is_not_known_is_a_mistake_of_usage(arguments, said):
    done = tunebook(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
