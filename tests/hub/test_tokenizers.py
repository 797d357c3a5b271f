"""A model's own tokenizer: found in the hub caches, given as a file, fetched from a stand-in of the hub."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.datasets.made_tokenizers import gpt2, qwen, save
from tests.test_outbound import Site, answers
from webapp.catalog import BaseModel, find_model, models
from webapp.datasets import OpenAITokenizer, OwnTokenizer
from webapp.errors import Problem
from webapp.hub import cached_tokenizer, cached_tokenizers, choose_tokenizer, fetch_tokenizer, tokenizers
from webapp.settings import Settings

MODEL = find_model("qwen3-0.6b")
PATH = f"/{MODEL.hub_id}/resolve/main/tokenizer.json"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


@pytest.fixture
def settings(tmp_path: Path, site: Site) -> Settings:
    """A home and a hub cache of its own, and the stand-in as its hub."""
    return Settings(home=tmp_path / "home", hf_hub_cache=tmp_path / "cache", hf_endpoint=site.url, hf_token="hf_word")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder, whose tokenizer has as many ids as the model has rows."""
    return save(qwen(), tmp_path_factory.mktemp("model"), rows=MODEL.shape.vocab)


def cache(root: Path, content: bytes, model: BaseModel = MODEL) -> Path:
    """A tokenizer in the standard layout of the hub cache: a link from the snapshot to a blob, and the branch."""
    repository = root / f"models--{model.hub_id.replace('/', '--')}"
    for name in ("blobs", "refs", f"snapshots/{COMMIT}"):
        (repository / name).mkdir(parents=True)
    (repository / "blobs" / "a1").write_bytes(content)
    (repository / "refs" / "main").write_text(COMMIT)
    path = repository / "snapshots" / COMMIT / "tokenizer.json"
    path.symlink_to("../../blobs/a1")
    return path


def chosen(settings: Settings, given: object = None, model: BaseModel | None = MODEL, fetch: bool = False) -> Any:
    return choose_tokenizer(str(given) if given else None, model, settings, fetch=fetch)


def problem(*arguments: Any, **options: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        chosen(*arguments, **options)
    return caught.value


def test_without_a_copy_it_is_o200k_and_nobody_is_asked(settings: Settings, site: Site) -> None:
    assert chosen(settings) == chosen(settings, model=None) == OpenAITokenizer("o200k_base")
    assert site.seen == []


@pytest.mark.parametrize("name", ["o200k_base", "cl100k_base"])
def test_an_encoding_by_name_is_nobodys_own(settings: Settings, name: str) -> None:
    assert chosen(settings, name) == OpenAITokenizer(name)


def test_the_model_in_the_hub_cache_is_taken(settings: Settings, folder: Path) -> None:
    path = cache(settings.hf_hub_cache, (folder / "tokenizer.json").read_bytes())
    tokenizer = chosen(settings)
    assert (tokenizer.path, tokenizer.owner) == (path, MODEL.hub_id)
    assert chosen(settings, model=find_model("qwen3-1.7b")) == OpenAITokenizer()


def test_of_all_models_in_the_caches_equal_files_are_one(settings: Settings) -> None:
    assert cached_tokenizers(models(), settings) == {}
    larger, other = find_model("qwen3-8b"), find_model("smollm2-360m")
    first = cache(settings.hf_hub_cache, b"{}")
    cache(settings.hf_hub_cache, b"{}", larger)
    fetched = cache(settings.root / "hub", b"[]", other)
    found = cached_tokenizers(models(), settings)
    assert {path: sorted(names) for path, names in found.items()} == {
        first: sorted([MODEL.id, larger.id]),
        fetched: [other.id],
    }


def test_a_file_that_cannot_be_read_is_as_good_as_not_there(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokenizers, "cached_tokenizer", lambda *_: tmp_path / "gone meanwhile")
    assert cached_tokenizers([MODEL], settings) == {}


def test_huggingface_hub_decides_where_its_cache_is(
    tmp_path: Path, settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cache(tmp_path / "elsewhere", (folder / "tokenizer.json").read_bytes())
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert cached_tokenizer(MODEL.hub_id, settings) is None
    assert cached_tokenizer(MODEL.hub_id, settings.model_copy(update={"hf_hub_cache": None})) == path


def test_a_file_or_folder_is_the_models_own_or_nobodys(settings: Settings, folder: Path) -> None:
    for given in (folder, folder / "tokenizer.json"):
        assert chosen(settings, given).owner == MODEL.hub_id
        assert chosen(settings, given, model=None).owner is None


def test_a_tokenizer_of_another_size_is_not_the_models(settings: Settings, tmp_path: Path) -> None:
    other = save(gpt2(), tmp_path / "other")
    found = problem(settings, other)
    assert (found.code, found.exit_code) == ("wrong_tokenizer", 2)
    assert "Qwen3 0.6B has 151,936" in found.message
    assert isinstance(chosen(settings, other, model=None), OwnTokenizer)


@pytest.mark.parametrize(("given", "model"), [("o200k_base", MODEL), (None, None)], ids=["a name", "no model"])
def test_there_must_be_something_to_fetch(settings: Settings, given: str | None, model: BaseModel | None) -> None:
    assert problem(settings, given, model, fetch=True).code == "no_model_to_fetch_for"


def test_what_is_fetched_is_kept_in_the_hubs_layout(settings: Settings, site: Site, folder: Path) -> None:
    content = (folder / "tokenizer.json").read_bytes()
    # As the hub does with a file that is not large: it names the commit, and leads to another path of its own.
    site.routes[PATH] = answers(307, location="/api/resolve-cache/tokenizer.json", x_repo_commit=COMMIT)
    site.routes["/api/resolve-cache/tokenizer.json"] = answers(200, content)
    tokenizer = chosen(settings, fetch=True)
    snapshot = settings.root / "hub" / "models--Qwen--Qwen3-0.6B" / "snapshots" / COMMIT
    assert (tokenizer.path, tokenizer.owner) == (snapshot / "tokenizer.json", MODEL.hub_id)
    assert [path.name for path in snapshot.iterdir()] == ["tokenizer.json"]
    assert stat.S_IMODE(tokenizer.path.stat().st_mode) == 0o600
    assert [path for path, _ in site.seen] == [PATH, "/api/resolve-cache/tokenizer.json"]
    assert chosen(settings, fetch=True) == chosen(settings) == tokenizer
    assert len(site.seen) == 2


def test_the_token_is_sent_to_the_hub(settings: Settings, site: Site, folder: Path) -> None:
    site.routes[PATH] = answers(200, (folder / "tokenizer.json").read_bytes())
    fetch_tokenizer(MODEL.hub_id, settings)
    fetch_tokenizer(MODEL.hub_id, settings.model_copy(update={"hf_token": None}))
    assert [token for _, token in site.seen] == ["Bearer hf_word", None]


@pytest.mark.parametrize("token", ["hf_wo\nrd", "hf_wo\u00e9rd"], ids=["a line break", "an accent"])
def test_a_token_that_cannot_be_sent_is_not_shown(settings: Settings, token: str) -> None:
    with pytest.raises(Problem) as caught:
        fetch_tokenizer(MODEL.hub_id, settings.model_copy(update={"hf_token": SecretStr(token)}))
    assert caught.value.code == "address_refused"
    assert "hf_wo" not in caught.value.message


@pytest.mark.parametrize("commit", ["../../../../etc", "", COMMIT.upper(), COMMIT + "\u00e9"])
def test_only_a_commit_names_a_folder(settings: Settings, site: Site, folder: Path, commit: str) -> None:
    site.routes[PATH] = answers(200, (folder / "tokenizer.json").read_bytes(), x_repo_commit=commit)
    path = fetch_tokenizer(MODEL.hub_id, settings)
    assert path == settings.root / "hub" / "models--Qwen--Qwen3-0.6B" / "snapshots" / "main" / "tokenizer.json"
    assert cached_tokenizer(MODEL.hub_id, settings) == path


@pytest.mark.parametrize(
    ("status", "code", "exit_code", "said"),
    [
        (401, "model_gated", 1, "HF_TOKEN"),
        (403, "model_gated", 1, "accept it at"),
        (404, "tokenizer_not_on_hub", 1, "--tokenizer PATH"),
        (503, "hub_unavailable", 3, "503"),
    ],
)
def test_a_refusal_of_the_hub_is_explained(
    settings: Settings, site: Site, status: int, code: str, exit_code: int, said: str
) -> None:
    site.routes[PATH] = answers(status, b"no")
    found = problem(settings, fetch=True)
    assert (found.code, found.exit_code) == (code, exit_code)
    assert said in found.message
    assert "hf_word" not in found.message
    assert not (settings.root / "hub").exists()


def test_a_file_that_is_no_tokenizer_is_not_kept(settings: Settings, site: Site) -> None:
    site.routes[PATH] = answers(200, b"<html>", x_repo_commit=COMMIT)
    assert problem(settings, fetch=True).code == "invalid_tokenizer"
    assert cached_tokenizer(MODEL.hub_id, settings) is None


def test_a_large_file_is_cut_off(settings: Settings, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizers, "MAX_FILE_BYTES", 1000)
    site.routes[PATH] = answers(200, b"x" * 1001)
    assert problem(settings, fetch=True).code == "answer_too_large"


def test_a_hub_that_is_not_there_is_this_machines_fault(settings: Settings) -> None:
    closed = settings.model_copy(update={"hf_endpoint": "http://127.0.0.1:9"})
    found = problem(closed, fetch=True)
    assert (found.code, found.exit_code) == ("server_unreachable", 3)


def test_the_client_is_loaded_only_to_fetch() -> None:
    code = "import sys, webapp.hub; print(*({'httpx2', 'huggingface_hub', 'sqlalchemy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []
