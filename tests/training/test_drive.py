import sys
import types
from pathlib import Path

import pytest

from webapp.training import drive
from webapp.training.drive import choose_folder, outlives_session, settle_folder

DATA = "ab" * 32


@pytest.fixture
def colab(monkeypatch):
    """Google's package as Colab has it; lists what was mounted."""
    mounted = []
    google = types.SimpleNamespace(mount=mounted.append, flush_and_unmount=lambda: mounted.append("flushed"))
    package = types.SimpleNamespace(drive=google)
    monkeypatch.setitem(sys.modules, "google", types.SimpleNamespace(colab=package))
    monkeypatch.setitem(sys.modules, "google.colab", package)
    return mounted


def test_on_colab_a_run_is_kept_on_drive_only_when_asked(run_config, colab, capsys):
    config = run_config("x", output_dir="tunebook-run")
    assert choose_folder(config, DATA) == config
    assert colab == []
    assert "DISCONNECT LOSES EVERYTHING" in capsys.readouterr().out

    kept = choose_folder(run_config("x", output_dir="tunebook-run", keep_on_drive=True), DATA)
    assert Path(kept.output_dir) == Path(f"/content/drive/MyDrive/tunebook-run-{kept.fingerprint(DATA)[:8]}")
    assert colab == ["/content/drive"]
    assert "at most 5 minutes" in capsys.readouterr().out
    assert choose_folder(kept, DATA) == kept  # the cell, run again


def test_a_folder_elsewhere_is_still_put_on_drive(run_config, colab):
    kept = choose_folder(run_config("x", output_dir="/content/other", keep_on_drive=True), DATA)
    assert Path(kept.output_dir) == Path(f"/content/drive/MyDrive/other-{kept.fingerprint(DATA)[:8]}")


def test_elsewhere_nothing_is_mounted_and_the_cost_is_said(run_config, capsys):
    config = run_config("x", output_dir="here", keep_on_drive=True, checkpoint_minutes=2.5)
    assert choose_folder(config, DATA) == config
    said = capsys.readouterr().out
    assert str(Path("here").absolute()) in said
    assert "at most 2.5 minutes" in said
    assert "keep_on_drive is for Colab" in said


def test_what_is_on_drive_has_reached_it_at_the_end(run_config, colab):
    settle_folder(run_config("x"))
    assert colab == []
    settle_folder(run_config("x", keep_on_drive=True))
    assert colab == ["flushed"]


def test_only_on_drive_a_file_is_emptied_before_it_is_removed(tmp_path, monkeypatch):
    """A hard link elsewhere to what is on this disk keeps its contents."""
    monkeypatch.setattr(drive, "DRIVE", tmp_path / "drive")
    kept = []
    for place in ("drive", "disk"):
        folder = tmp_path / place / "model"
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(b"weights")
        (tmp_path / f"{place}.link").hardlink_to(folder / "weights")
        drive.discard_folder(folder)
        assert not folder.exists()
        kept.append((tmp_path / f"{place}.link").read_bytes())
    assert kept == [b"", b"weights"]
    drive.discard(tmp_path / "drive" / "absent")
    drive.discard_folder(tmp_path / "absent")


def test_what_outlives_a_session(colab, monkeypatch):
    assert not outlives_session(Path("tunebook-run"))
    assert outlives_session(Path("/content/drive/MyDrive/tunebook-run"))
    monkeypatch.setattr(drive, "on_colab", lambda: False)
    assert outlives_session(Path("tunebook-run"))
