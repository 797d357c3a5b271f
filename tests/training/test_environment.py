"""The card, the disk, and access to gated models: a hub that only pretends."""

from types import SimpleNamespace

import pytest
import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from transformers import AutoConfig

from webapp.training import environment
from webapp.training.environment import card_finding, require_access, room_findings
from webapp.training.model import Hardware, dimensions_of, expected_memory, find_hardware

GATED = "meta-llama/Llama-3.2-1B-Instruct"
T4 = Hardware("cuda", torch.float16, "Tesla T4", int(14.75 * 2**30))


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    # Set first, so that what a test's call sets is taken back.
    monkeypatch.setenv("HF_TOKEN", "")


@pytest.fixture
def hub(monkeypatch):
    def answering(error=None):
        asked = []

        def auth_check(repo, token):
            asked.append((repo, token))
            if error:
                raise error("no", response=SimpleNamespace(headers={}, request=None))

        monkeypatch.setattr("huggingface_hub.auth_check", auth_check)
        return asked

    return answering


def test_a_token_that_may_read_is_put_where_libraries_look(monkeypatch, hub):
    monkeypatch.setattr(environment, "shared_secret", {"HF_TOKEN": "hf_x"}.get)
    asked = hub()
    assert require_access(GATED) == f"HF_TOKEN may read {GATED}"
    assert asked == [(GATED, "hf_x")]
    assert environment.os.environ["HF_TOKEN"] == "hf_x"


def test_without_a_token_the_licence_page_is_named(hub):
    asked = hub()
    with pytest.raises(PermissionError, match=f"accept its licence on https://huggingface.co/{GATED}"):
        require_access(GATED)
    assert asked == []


@pytest.mark.parametrize(("error", "said"), [(GatedRepoError, "may not read"), (RepositoryNotFoundError, "shows no")])
def test_what_the_hub_refuses_is_said_with_the_page(monkeypatch, hub, error, said):
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    hub(error)
    with pytest.raises(PermissionError, match=f"{said}.*https://huggingface.co/{GATED}"):
        require_access(GATED)


def test_a_folder_needs_no_token(tmp_path, hub):
    hub(GatedRepoError)
    assert "no token is needed" in require_access(str(tmp_path))


def test_the_card_is_named_with_its_memory_and_dtype():
    assert str(card_finding(T4)) == "OK   Tesla T4, 14.8 GiB, computing in torch.float16"
    assert card_finding(find_hardware()).state == "NOTE"


def test_room_on_disk_and_card(monkeypatch, miniature_of, run_config, llama):
    config = run_config(miniature_of(llama))
    predicted = expected_memory(config, T4)
    assert [finding.state for finding in room_findings(config, T4, predicted)] == ["OK", "OK"]
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**9))
    disk, card = room_findings(config, T4, {"weights": 14e9})
    assert (disk.state, "make room" in disk.text) == ("FIX", True)
    assert (card.state, "try method qlora" in card.text) == ("NOTE", True)


def test_what_is_exported_needs_room_on_the_disk_too(monkeypatch, tmp_path, run_config):
    AutoConfig.for_model("qwen3").save_pretrained(tmp_path)
    size = 2 * dimensions_of(run_config(tmp_path)).parameters

    def disk(sizes, **settings):
        monkeypatch.setattr(environment.shutil, "disk_usage", lambda _: SimpleNamespace(free=sizes * size))
        return next(room_findings(run_config(tmp_path, **settings), T4, {})).state

    assert disk(0.5) == "OK"
    assert disk(0.5, export_merged=True) == "FIX"
    assert disk(1.5, export_merged=True) == "OK"
    assert disk(1.5, export_gguf=True) == "FIX"  # the merged model it is made of, and the file
    assert disk(16.5, method="full", export_merged=True) == "OK"  # is whole already
    assert disk(16.5, method="full", export_gguf=True) == "FIX"
