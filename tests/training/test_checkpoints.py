import errno
import itertools
import json
import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from webapp.notebooks.results import newest_checkpoint
from webapp.training import checkpoints, drive
from webapp.training.alarms import Alarm
from webapp.training.checkpoints import (
    RunState,
    best_path,
    checkpoint_folder,
    keep_best,
    load_checkpoint,
    put_back_best,
    read_whole,
    remove_checkpoints,
    save_checkpoint,
    saved_states,
    write_whole,
)
from webapp.training.model import find_hardware
from webapp.training.steps import make_learner


def learner(run_config, folder="x"):
    torch.manual_seed(1)
    made = make_learner(torch.nn.Linear(3, 2), run_config(folder), find_hardware(), 0)
    made.model(torch.ones(1, 3)).sum().backward()
    made.optimizer.step()
    return made


STATE_OF_A_RUN = RunState(
    losses=[2.0, 1.5],
    evaluations=[(1, 2.5), (2, 2.25)],
    alarms=[Alarm("truncation", "some rows")],
    best_step=2,
    best_loss=2.25,
    stopped_early=True,
    seconds=90.0,
    tokens=99,
)
PRECISION = {"trained": "float32", "computed": "float32", "hardware": "CPU"}


def after(steps):
    """The state of a run that has done so many steps."""
    return replace(STATE_OF_A_RUN, losses=[2.0] * steps)


def test_everything_the_next_step_depends_on_comes_back(tmp_path, run_config):
    first = learner(run_config)
    save_checkpoint(tmp_path, first, STATE_OF_A_RUN)
    drawn = torch.rand(3)
    other = learner(run_config)
    torch.nn.init.zeros_(other.model.weight)
    assert load_checkpoint(tmp_path, other) == STATE_OF_A_RUN
    assert torch.equal(torch.rand(3), drawn)
    assert torch.equal(other.model.weight, first.model.weight)
    moments = [each.optimizer.state_dict()["state"][0]["exp_avg"] for each in (first, other)]
    assert torch.equal(*moments)


def test_the_best_weights_stay_until_a_checkpoint_knows_of_better_ones(tmp_path, run_config):
    made = learner(run_config)
    before = made.model.weight.detach().clone()
    assert keep_best(tmp_path, made, 1)
    save_checkpoint(tmp_path, made, RunState(losses=[1.0], best_step=1))
    torch.nn.init.zeros_(made.model.weight)
    keep_best(tmp_path, made, 2)
    assert best_path(tmp_path, 1).exists()  # killed here, the run goes on from the first checkpoint
    save_checkpoint(tmp_path, made, RunState(losses=[1.0, 0.5], best_step=1))
    assert put_back_best(tmp_path, made, 1)
    assert torch.equal(made.model.weight, before)
    assert not best_path(tmp_path, 2).exists()


def test_the_newest_of_a_run_is_found_without_torch(tmp_path, run_config):
    config, made = run_config("x", output_dir=str(tmp_path)), learner(run_config)
    folder = checkpoint_folder(config, "0" * 64, PRECISION)
    keep_best(folder, made, 1)
    for steps in (8, 9, 10):
        save_checkpoint(folder, made, replace(after(steps), best_step=1))
    keep_best(folder, made, 11)  # killed before a checkpoint knows of it
    found = newest_checkpoint(tmp_path)
    assert sorted(path.name for path in found) == ["best-1.pt", "run.json", "state-10.pt"]
    assert {path.parent for path in found} == {folder}


DAMAGE = [lambda whole: whole[:-1], lambda whole: whole[: len(whole) // 2], lambda _: b""]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_truncated_checkpoint_is_named_and_not_used(tmp_path, run_config, capsys, damage):
    made = learner(run_config)
    save_checkpoint(tmp_path, made, STATE_OF_A_RUN)
    (path,) = saved_states(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    weights, randomness = made.model.weight.detach().clone(), torch.get_rng_state()
    assert load_checkpoint(tmp_path, made) is None
    assert f"{path} is damaged" in capsys.readouterr().out
    assert torch.equal(made.model.weight, weights)
    assert torch.equal(torch.get_rng_state(), randomness)


@pytest.mark.parametrize("damage", DAMAGE)
def test_in_place_of_a_damaged_checkpoint_the_one_before_it_is_used(tmp_path, run_config, damage):
    made = learner(run_config)
    for steps in (8, 9, 10):
        save_checkpoint(tmp_path, made, after(steps))
    assert [path.name for path in saved_states(tmp_path)] == ["state-10.pt", "state-9.pt"]
    saved_states(tmp_path)[0].write_bytes(damage(saved_states(tmp_path)[0].read_bytes()))
    assert load_checkpoint(tmp_path, made) == after(9)
    save_checkpoint(tmp_path, made, after(10))  # the damaged one is no spare
    save_checkpoint(tmp_path, made, after(11))
    assert [path.name for path in saved_states(tmp_path)] == ["state-11.pt", "state-10.pt"]


class Killed(BaseException):
    """As kill -9: nothing after it happens."""


@contextmanager
def killed_at(place):
    """Ends what runs within before its file operation number `place`, counted from 0; writing is several."""
    left = iter(range(place))

    def deadly(real):
        def operation(*arguments, **named):
            if next(left, None) is None:
                raise Killed
            return real(*arguments, **named)

        return operation

    with pytest.MonkeyPatch.context() as patched:
        places = ((os, "truncate"), (os, "fsync"), (Path, "unlink"), (Path, "replace"), (checkpoints.Hashing, "write"))
        for owner, name in places:
            patched.setattr(owner, name, deadly(getattr(owner, name)))
        yield


@pytest.mark.parametrize("on_drive", [False, True])
def test_killed_at_any_file_operation_a_run_has_a_whole_checkpoint_and_its_best_weights(
    tmp_path, run_config, monkeypatch, on_drive
):
    if on_drive:
        monkeypatch.setattr(drive, "DRIVE", tmp_path)
    made = learner(run_config)

    def evaluated(folder, steps):
        keep_best(folder, made, steps)
        save_checkpoint(folder, made, replace(after(steps), best_step=steps))

    for place in itertools.count():
        folder = tmp_path / str(place)
        folder.mkdir()
        evaluated(folder, 1)
        evaluated(folder, 2)
        killed = False
        with killed_at(place):
            try:
                evaluated(folder, 3)
            except Killed:
                killed = True
        found = load_checkpoint(folder, made)
        assert len(found.losses) in ((2, 3) if killed else (3,))
        assert put_back_best(folder, made, found.best_step)
        if not killed:
            break
    assert place > 8


def test_what_is_discarded_on_drive_was_emptied_before(tmp_path, run_config, monkeypatch):
    """Google Drive keeps it in its trash, which counts against the quota."""
    monkeypatch.setattr(drive, "DRIVE", tmp_path)
    trash, real = [], Path.unlink

    def into_the_trash(path, missing_ok=False):
        if path.exists():
            trash.append(path.stat().st_size)
        real(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", into_the_trash)
    made, folder = learner(run_config), tmp_path / "run"
    folder.mkdir()
    for steps in range(1, 5):
        keep_best(folder, made, steps)
        save_checkpoint(folder, made, replace(after(steps), best_step=steps))
    remove_checkpoints(folder)
    assert trash == [0] * 8
    assert not folder.exists()


def test_a_single_changed_byte_anywhere_is_damage(tmp_path):
    path = tmp_path / "x.pt"
    write_whole(path, {"values": torch.arange(50)})
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert read_whole(path) is None


@pytest.fixture
def full_disk(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    return lambda: monkeypatch.setattr(checkpoints.os, "fsync", full)


def test_a_disk_that_refuses_keeps_the_last_checkpoint_and_is_said(tmp_path, run_config, capsys, full_disk):
    made = learner(run_config)
    save_checkpoint(tmp_path, made, STATE_OF_A_RUN)
    full_disk()
    save_checkpoint(tmp_path, made, replace(after(6), seconds=180.0))
    assert not keep_best(tmp_path, made, 1)
    said = capsys.readouterr().out
    assert "No space left on device" in said
    assert "losing this session now costs all after step 2 (4 steps, 2.0 minutes)" in said
    assert [path.name for path in tmp_path.iterdir()] == ["state-2.pt"]
    assert load_checkpoint(tmp_path, made) == STATE_OF_A_RUN


def test_on_a_machine_that_is_lost_with_its_session_everything_is_at_stake(
    tmp_path, run_config, capsys, full_disk, monkeypatch
):
    monkeypatch.setattr(drive, "on_colab", lambda: True)
    made = learner(run_config)
    save_checkpoint(tmp_path, made, STATE_OF_A_RUN)
    full_disk()
    save_checkpoint(tmp_path, made, replace(after(6), seconds=180.0))
    assert "costs all after step 0 (6 steps, 3.0 minutes)" in capsys.readouterr().out


def test_a_run_finds_its_folder_and_names_those_of_others(tmp_path, run_config, capsys):
    config = run_config("base", output_dir=str(tmp_path))
    folder = checkpoint_folder(config, "a" * 64, PRECISION)
    write_whole(folder / "state-0.pt", {})
    assert checkpoint_folder(config, "a" * 64, PRECISION) == folder
    assert capsys.readouterr().out == ""

    other = checkpoint_folder(run_config("base", output_dir=str(tmp_path), learning_rate=0.5), "a" * 64, PRECISION)
    assert other != folder
    assert capsys.readouterr().out == f"{folder} is of another run (learning_rate 0.01): this one starts beside it\n"
    assert (folder / "state-0.pt").exists()

    (folder / "run.json").write_text("{")
    checkpoint_folder(run_config("base", output_dir=str(tmp_path), learning_rate=0.5), "a" * 64, PRECISION)
    assert "of unknown settings" in capsys.readouterr().out


def test_removing_leaves_the_checkpoints_of_other_runs(tmp_path, run_config):
    runs = [run_config("base", output_dir=str(tmp_path), seed=seed) for seed in (1, 2)]
    folders = [checkpoint_folder(run, "a", PRECISION) for run in runs]
    description = json.loads((folders[0] / "run.json").read_text())
    assert (description["seed"], description["precision"]) == (1, PRECISION)
    remove_checkpoints(folders[0])
    assert [folder.exists() for folder in folders] == [False, True]
