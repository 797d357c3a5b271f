"""Which model somebody means: the catalogue's, any other of the hub, a folder; and what is refused, with the reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.hub.conftest import ABOUT, QWEN3_14B, Hub
from tests.test_outbound import answers
from webapp.catalog import find_model
from webapp.errors import Problem
from webapp.hub import choose_model, choose_model_or_folder
from webapp.settings import Settings

NAME = "hf:Qwen/Qwen3-14B"
CONFIG = "/Qwen/Qwen3-14B/resolve/main/config.json"
PAGE = "/api/models/Qwen/Qwen3-14B"


def problem(name: str, settings: Settings) -> Problem:
    with pytest.raises(Problem) as caught:
        choose_model(name, settings)
    return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(QWEN3_14B))
    return made


@pytest.mark.parametrize("name", ["qwen3-4b", "Qwen/Qwen3-4B-Instruct-2507", "hf:qwen/qwen3-4b-instruct-2507"])
def test_what_the_catalogue_has_is_taken_from_it(settings: Settings, hub: Hub, name: str) -> None:
    assert choose_model(name, settings).model is find_model("qwen3-4b")
    assert hub.asked == []


def test_any_other_model_of_the_hub_is_described_by_its_configuration(settings: Settings, hub: Hub) -> None:
    hub.publish()
    model = choose_model(NAME, settings).model
    assert (model.id, model.hub_id, model.size) == (NAME, "Qwen/Qwen3-14B", "14.8B")
    assert (model.parameters, model.checked) == (14_768_307_200, "published total")
    assert (model.license, model.languages, model.year, model.gated) == ("apache-2.0", ("en", "de"), 2025, False)
    assert (model.commercial_use, model.tasks) == (None, ())
    assert hub.asked == [PAGE, CONFIG]


def test_what_was_fetched_is_kept(settings: Settings, hub: Hub) -> None:
    hub.publish()
    first = choose_model(NAME, settings).model
    hub.routes.clear()
    second = choose_model(NAME, settings).model
    assert (second.parameters, second.license) == (first.parameters, first.license)
    assert hub.asked == [PAGE, CONFIG]


def test_a_model_in_the_hub_cache_needs_no_network(settings: Settings, hub: Hub, tmp_path: Path) -> None:
    repository = tmp_path / "cache" / "models--Qwen--Qwen3-14B"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("a1")
    (repository / "snapshots" / "a1").mkdir(parents=True)
    (repository / "snapshots" / "a1" / "config.json").write_text(json.dumps(QWEN3_14B))
    model = choose_model(NAME, settings).model
    assert (model.parameters, model.license, model.checked) == (14_768_307_200, "unknown", "no")
    assert hub.asked == []


def test_the_token_goes_to_the_hub_and_nowhere_else(settings: Settings, hub: Hub) -> None:
    hub.publish()
    elsewhere = Hub()
    hub.routes[CONFIG] = answers(302, location=f"{elsewhere.url}/config.json")
    try:
        assert problem(NAME, settings).code == "address_refused"
        assert elsewhere.seen == []
        assert [token for _, token in hub.seen] == ["Bearer hf_word"] * 2
    finally:
        elsewhere.close()


@pytest.mark.parametrize(
    "name",
    [
        "hf:", "hf:qwen", "hf:../../etc/passwd", "hf:a/..", "hf:a/b/c", "hf:a/b?c", "hf:a/b#c", "hf:a/b%2fc", "hf:/a/b",
        "hf:https://example.org/a", "hf:a//b", "hf:a/b\n", "hf:a /b", "hf:-a/b", "hf:a/b.", "hf:ä/b",
        "hf:a/" + "b" * 97,
        "hf:a@b/c", "hf:a\\b/c", "hf:a/b--c",
    ],
)  # fmt: skip
def test_a_name_is_judged_before_anybody_is_asked(settings: Settings, hub: Hub, name: str) -> None:
    found = problem(name if not name.endswith("\n") else name + "x", settings)
    assert (found.code, found.status, found.param) == ("invalid_model_name", 400, "model_id")
    assert hub.asked == []


@pytest.mark.parametrize("name", ["./mine", "/etc", "~/mine", "../mine", "mine"])
def test_a_path_is_no_model_where_others_ask(settings: Settings, folder: Path, name: str) -> None:
    assert folder.is_dir()
    assert problem(name, settings).code == "model_not_found"
    assert problem(str(folder), settings).code == "model_not_found"


def test_a_folder_is_read_where_it_lies(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    for name in (str(folder), "./mine", "../" + folder.parent.name + "/mine"):
        model = choose_model_or_folder(name, settings).model
        assert (model.id, model.parameters, model.license_url) == ("mine", 14_768_307_200, None)
    assert choose_model_or_folder("qwen3-4b", settings).model is find_model("qwen3-4b")


def test_a_folder_without_a_configuration_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"no folder with a config\.json") as caught:
        choose_model_or_folder(f"{tmp_path}/", settings)
    assert (caught.value.code, caught.value.exit_code) == ("model_folder_not_found", 2)


def test_an_unknown_name_that_may_be_the_hubs_says_how_to_ask_it(settings: Settings, hub: Hub) -> None:
    assert "write hf:Qwen/Qwen3-14B" in problem("Qwen/Qwen3-14B", settings).message
    assert hub.asked == []


@pytest.mark.parametrize("status", [401, 404])
def test_a_model_that_the_hub_does_not_show(settings: Settings, hub: Hub, status: int) -> None:
    hub.routes[PAGE] = answers(status)
    found = problem(NAME, settings)
    assert (found.code, found.status) == ("model_not_on_hub", 404)
    assert "HF_TOKEN" in found.message


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_model_says_where_its_licence_is_accepted(settings: Settings, hub: Hub, status: int) -> None:
    hub.publish(about=ABOUT | {"gated": "manual"})
    hub.routes[CONFIG] = answers(status)
    found = problem(NAME, settings)
    assert (found.code, found.status) == ("model_gated", 403)
    assert f"{hub.url}/Qwen/Qwen3-14B" in found.message
    assert "HF_TOKEN" in found.message


def test_a_gated_model_that_the_token_may_read_is_called_gated(settings: Settings, hub: Hub) -> None:
    hub.publish(about=ABOUT | {"gated": "manual"})
    assert choose_model(NAME, settings).model.gated


@pytest.mark.parametrize("broken", [PAGE, CONFIG])
def test_a_fault_of_the_hub_is_no_fault_of_the_model(settings: Settings, hub: Hub, broken: str) -> None:
    hub.publish()
    hub.routes[broken] = answers(500)
    assert problem(NAME, settings).code == "hub_unavailable"
    hub.publish()
    assert choose_model(NAME, settings).model.parameters


def test_a_page_that_is_not_the_hubs_is_not_kept(settings: Settings, hub: Hub) -> None:
    hub.routes[PAGE] = answers(200, b"<html>Please sign in to this network")
    assert problem(NAME, settings).code == "hub_unavailable"
    hub.publish()
    assert choose_model(NAME, settings).model.license == "apache-2.0"


def test_a_hub_that_is_not_there_is_this_machines_fault(settings: Settings) -> None:
    closed = settings.model_copy(update={"hf_endpoint": "http://127.0.0.1:9"})
    found = problem(NAME, closed)
    assert (found.code, found.exit_code) == ("server_unreachable", 3)


def test_a_large_configuration_is_cut_off(settings: Settings, hub: Hub) -> None:
    hub.publish(config__json=b"{" + b" " * 2**20 + b"}")
    assert problem(NAME, settings).code == "answer_too_large"


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_configuration_is_refused(settings: Settings, hub: Hub, content: bytes) -> None:
    hub.publish(config__json=content)
    assert problem(NAME, settings).code == "invalid_model_config"


def test_a_model_of_adapters_alone_is_refused(settings: Settings, hub: Hub) -> None:
    hub.publish()
    hub.routes[CONFIG] = answers(404)
    assert "adapters" in problem(NAME, settings).message


@pytest.mark.parametrize(
    "about", [{"cardData": None, "safetensors": None}, {"cardData": [], "safetensors": []},
              {"cardData": {"license": ["a"], "language": {"a": 1}}, "createdAt": 5, "safetensors": {"total": "x"}}],
)  # fmt: skip
def test_what_the_page_does_not_say_is_not_known(settings: Settings, hub: Hub, about: dict[str, Any]) -> None:
    hub.publish(about={"id": "Qwen/Qwen3-14B"} | about)
    model = choose_model(NAME, settings).model
    assert (model.license, model.languages, model.year, model.checked) == ("unknown", (), 0, "no")
