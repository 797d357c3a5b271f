"""kill -9 at five random moments of one run: it ends where an uninterrupted run ends."""

import json
import random
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from webapp.training.checkpoints import STATE

CHILD = Path(__file__).with_name("killed_run.py")
KILLS = 5


def write_request(folder, config, conversations):
    folder.mkdir()
    config = asdict(replace(config, output_dir=str(folder)))
    request = {"config": config, "conversations": conversations, "results": str(folder / "results.pt")}
    (folder / "request.json").write_text(json.dumps(request))
    return folder


def start_child(folder):
    """The run, once its imports are over."""
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(folder / "request.json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    for line in child.stdout:
        said.append(line)
        if line == "training\n":
            return child
    pytest.fail("".join(said))


def finish_child(child):
    said, _ = child.communicate(timeout=120)
    assert child.returncode == 0, said
    return said


def kill_child(child, seconds):
    """SIGKILL after so many seconds of training; whatever had been said by then."""
    with pytest.raises(subprocess.TimeoutExpired):  # else it was complete, and nothing is proven
        child.wait(seconds)
    child.kill()
    said, _ = child.communicate()
    assert child.returncode == -9
    return said


def test_killed_at_five_random_moments_it_ends_in_the_same_loss_and_adapter(
    tmp_path, miniature_of, run_config, conversations, llama
):
    config = run_config(
        miniature_of(llama), lora_dropout=0.1, num_epochs=20, eval_steps=15, checkpoint_minutes=0.1 / 60, seed=7
    )
    whole = write_request(tmp_path / "whole", config, conversations)
    finish_child(start_child(whole))
    expected = torch.load(whole / "results.pt")

    cut = write_request(tmp_path / "cut", config, conversations)
    draw = random.Random()
    resumed = 0
    for _ in range(KILLS):
        said = kill_child(start_child(cut), draw.uniform(0.05, 0.6))
        resumed += "resuming after step" in said
        assert not (cut / "results.pt").exists()
    assert list(cut.glob(f"checkpoints/*/{STATE}"))
    said = finish_child(start_child(cut))
    assert "resuming after step" in said
    found = torch.load(cut / "results.pt")

    assert found["loss"] == pytest.approx(expected["loss"], abs=1e-6)
    assert found["losses"] == pytest.approx(expected["losses"], abs=1e-6)
    assert found["evaluations"] == expected["evaluations"]
    assert expected["adapter"].keys() == found["adapter"].keys()
    for name, value in expected["adapter"].items():
        torch.testing.assert_close(found["adapter"][name], value, atol=1e-6, rtol=0)
    assert resumed >= KILLS - 3, "the kills came before there was anything to resume"
