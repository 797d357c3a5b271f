import errno
import json

import pytest
import torch

from webapp.training import checkpoints
from webapp.training.alarms import Alarm
from webapp.training.checkpoints import (
    STATE,
    RunState,
    best_path,
    checkpoint_folder,
    keep_best,
    load_checkpoint,
    put_back_best,
    read_whole,
    remove_checkpoints,
    save_checkpoint,
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
    seconds=1.5,
    tokens=99,
)


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


@pytest.mark.parametrize("damage", [lambda whole: whole[:-1], lambda whole: whole[: len(whole) // 2], lambda _: b""])
def test_a_truncated_checkpoint_is_named_and_not_used(tmp_path, run_config, capsys, damage):
    made = learner(run_config)
    save_checkpoint(tmp_path, made, STATE_OF_A_RUN)
    path = tmp_path / STATE
    path.write_bytes(damage(path.read_bytes()))
    weights, randomness = made.model.weight.detach().clone(), torch.get_rng_state()
    assert load_checkpoint(tmp_path, made) is None
    assert f"{path} is damaged" in capsys.readouterr().out
    assert torch.equal(made.model.weight, weights)
    assert torch.equal(torch.get_rng_state(), randomness)


def test_a_single_changed_byte_anywhere_is_damage(tmp_path):
    path = tmp_path / "x.pt"
    write_whole(path, {"values": torch.arange(50)})
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert read_whole(path) is None


def test_a_disk_that_refuses_keeps_the_last_checkpoint_and_is_said(tmp_path, run_config, capsys, monkeypatch):
    made = learner(run_config)
    save_checkpoint(tmp_path, made, STATE_OF_A_RUN)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints.os, "fsync", full)
    save_checkpoint(tmp_path, made, RunState(losses=[9.0]))
    assert not keep_best(tmp_path, made, 1)
    assert "No space left on device" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == [STATE]
    assert load_checkpoint(tmp_path, made) == STATE_OF_A_RUN


def test_a_run_finds_its_folder_and_names_those_of_others(tmp_path, run_config, capsys):
    config = run_config("base", output_dir=str(tmp_path))
    folder = checkpoint_folder(config, "a" * 64)
    write_whole(folder / STATE, {})
    assert checkpoint_folder(config, "a" * 64) == folder
    assert capsys.readouterr().out == ""

    other = checkpoint_folder(run_config("base", output_dir=str(tmp_path), learning_rate=0.5), "a" * 64)
    assert other != folder
    assert capsys.readouterr().out == f"{folder} is of another run (learning_rate 0.01): this one starts beside it\n"
    assert (folder / STATE).exists()

    (folder / "run.json").write_text("{")
    checkpoint_folder(run_config("base", output_dir=str(tmp_path), learning_rate=0.5), "a" * 64)
    assert "of unknown settings" in capsys.readouterr().out


def test_removing_leaves_the_checkpoints_of_other_runs(tmp_path, run_config):
    folders = [checkpoint_folder(run_config("base", output_dir=str(tmp_path), seed=seed), "a") for seed in (1, 2)]
    assert json.loads((folders[0] / "run.json").read_text())["seed"] == 1
    remove_checkpoints(folders[0])
    assert [folder.exists() for folder in folders] == [False, True]
