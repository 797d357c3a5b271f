"""The build hook: the rank file is tiktoken's, and a build that cannot get it says so."""

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

from webapp.datasets import o200k

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


def test_name_and_digest_are_tiktokens_own(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, str] = {}
    monkeypatch.setattr(
        openai_public, "load_tiktoken_bpe", lambda url, expected_hash: asked.update(url=url, sha256=expected_hash)
    )
    openai_public.o200k_base()
    assert asked["sha256"] == build.RANK_SHA256
    assert hashlib.sha1(asked["url"].encode()).hexdigest() == build.RANK_FILE == o200k.RANK_FILE  # noqa: S324


def fake_pip(monkeypatch: pytest.MonkeyPatch, build: ModuleType, data: bytes) -> list[list[str]]:
    """Replaces pip by one that hands out a wheel with `data` as its rank file; returns the commands it got."""
    commands: list[list[str]] = []

    def run(command: list[str], **options: Any) -> None:
        commands.append(command)
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "source.whl", "w") as archive:
            archive.writestr(build.MEMBER_FOLDER + build.RANK_FILE, data)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(build, "RANK_SHA256", hashlib.sha256(b"ranks").hexdigest())
    return commands


def test_the_file_is_downloaded_once(build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands = fake_pip(monkeypatch, build, b"ranks")
    target = tmp_path / "encodings" / build.RANK_FILE
    build.place_rank_file(target)
    build.place_rank_file(target)
    assert target.read_bytes() == b"ranks"
    assert [path.name for path in target.parent.iterdir()] == [build.RANK_FILE]
    (command,) = commands
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert "--no-deps" in command


def test_a_damaged_file_is_replaced(build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_pip(monkeypatch, build, b"ranks")
    target = tmp_path / build.RANK_FILE
    target.write_bytes(b"ran")
    build.place_rank_file(target)
    assert target.read_bytes() == b"ranks"


def test_another_file_is_refused(build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_pip(monkeypatch, build, b"something else")
    with pytest.raises(SystemExit, match="SHA-256"):
        build.place_rank_file(tmp_path / build.RANK_FILE)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_download_says_what_to_do(build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def run(command: list[str], **options: Any) -> None:
        raise subprocess.CalledProcessError(1, command, stderr="no such host")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(SystemExit, match="reaches a package index") as caught:
        build.place_rank_file(tmp_path / build.RANK_FILE)
    assert "no such host" in str(caught.value)


@pytest.mark.parametrize("version", ["standard", "editable"])
def test_only_an_ordinary_wheel_carries_the_files(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str
) -> None:
    fake_pip(monkeypatch, build, b"ranks")
    hook = build.RankFileHook()
    hook.root = str(tmp_path)
    build_data: dict[str, Any] = {"force_include": {}}
    hook.initialize(version, build_data)
    carried = [] if version == "editable" else [f"encodings/{build.RANK_FILE}", "static", "notebook_templates"]
    assert list(build_data["force_include"].values()) == [f"webapp/_data/{name}" for name in carried]
