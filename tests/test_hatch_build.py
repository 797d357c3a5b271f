"""The build hook: the rank files are tiktoken's, and a build that cannot get them says so."""

import hashlib
import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tiktoken_ext import openai_public

from webapp.datasets import ENCODINGS

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """hatch_build.py, with a stand-in for hatchling, which only exists while a wheel is built."""
    interface: Any = ModuleType("interface")
    interface.BuildHookInterface = dict  # any class that can be subscripted
    monkeypatch.setitem(sys.modules, "hatchling.builders.hooks.plugin.interface", interface)
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", list(ENCODINGS))
def test_name_and_digest_are_tiktokens_own(build: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    asked: dict[str, str] = {}
    monkeypatch.setattr(
        openai_public, "load_tiktoken_bpe", lambda url, expected_hash: asked.update(url=url, sha256=expected_hash)
    )
    getattr(openai_public, name)()
    rank_file = ENCODINGS[name].rank_file
    assert asked["sha256"] == build.RANK_FILES[rank_file]
    assert hashlib.sha1(asked["url"].encode()).hexdigest() == rank_file  # noqa: S324


def test_no_other_file_is_taken(build: ModuleType) -> None:
    assert set(build.RANK_FILES) == {encoding.rank_file for encoding in ENCODINGS.values()}


RANKS = {"first": b"ranks", "second": b"more ranks"}


def fake_pip(monkeypatch: pytest.MonkeyPatch, build: ModuleType, data: dict[str, bytes]) -> list[list[str]]:
    """Replaces pip by one that hands out a wheel with `data` as its rank files; returns the commands it got."""
    commands: list[list[str]] = []

    def run(command: list[str], **options: Any) -> None:
        commands.append(command)
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "source.whl", "w") as archive:
            for name, content in data.items():
                archive.writestr(build.MEMBER_FOLDER + name, content)

    monkeypatch.setattr(subprocess, "run", run)
    expected = {name: hashlib.sha256(content).hexdigest() for name, content in RANKS.items()}
    monkeypatch.setattr(build, "RANK_FILES", expected)
    return commands


def test_the_files_are_downloaded_once(build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands = fake_pip(monkeypatch, build, RANKS)
    target = tmp_path / "encodings"
    build.place_rank_files(target)
    build.place_rank_files(target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == RANKS
    (command,) = commands
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert "--no-deps" in command


def test_a_damaged_file_is_replaced(build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_pip(monkeypatch, build, RANKS)
    (tmp_path / "second").write_bytes(b"more ran")
    build.place_rank_files(tmp_path)
    assert (tmp_path / "second").read_bytes() == b"more ranks"


def test_another_file_is_refused(build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_pip(monkeypatch, build, RANKS | {"second": b"something else"})
    with pytest.raises(SystemExit, match=r"second .* SHA-256"):
        build.place_rank_files(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_download_says_what_to_do(build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def run(command: list[str], **options: Any) -> None:
        raise subprocess.CalledProcessError(1, command, stderr="no such host")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(SystemExit, match="reaches a package index") as caught:
        build.place_rank_files(tmp_path)
    assert "no such host" in str(caught.value)


@pytest.mark.parametrize("version", ["standard", "editable"])
def test_only_an_ordinary_wheel_carries_the_files(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str
) -> None:
    fake_pip(monkeypatch, build, RANKS)
    hook = build.RankFileHook()
    hook.root = str(tmp_path)
    build_data: dict[str, Any] = {"force_include": {}}
    hook.initialize(version, build_data)
    carried = [] if version == "editable" else ["encodings/first", "encodings/second", "static", "notebook_templates"]
    assert list(build_data["force_include"].values()) == [f"webapp/_data/{name}" for name in carried]
