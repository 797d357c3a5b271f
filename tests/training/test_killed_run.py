"""kill -9 at five random moments of one run: it ends where an uninterrupted run ends."""

import multiprocessing
import random
import signal
from dataclasses import replace

import pytest
import torch

from tests.training import killed_run
from webapp.training.checkpoints import newest_whole

KILLS = 5


@pytest.fixture(scope="module")
def processes():
    """Processes that are forked off one which has loaded everything and trained nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([killed_run.__name__])
    return context


class Life:
    """One process of a run, once it is about to train."""

    def __init__(self, processes, config, conversations, folder):
        hear, say = processes.Pipe(duplex=False)
        self.process = processes.Process(target=killed_run.run, args=(config, conversations, folder, say))
        self.process.start()
        say.close()
        assert hear.recv() == "training"
        hear.close()

    def kill_after(self, seconds):
        self.process.join(seconds)
        assert self.process.exitcode is None, "it was complete: nothing is proven"
        self.process.kill()
        self.process.join()
        assert self.process.exitcode == -signal.SIGKILL

    def finish(self):
        self.process.join(120)
        assert self.process.exitcode == 0


def test_killed_at_five_random_moments_it_ends_in_the_same_loss_and_adapter(
    tmp_path, processes, miniature_of, run_config, conversations, llama
):
    config = run_config(
        miniature_of(llama), learning_rate=1e-3, lora_dropout=0.1, num_epochs=14, eval_steps=10,
        checkpoint_minutes=0.1 / 60,
    )  # fmt: skip

    def live(name):
        (tmp_path / name).mkdir(exist_ok=True)
        return Life(processes, replace(config, output_dir=str(tmp_path / name)), conversations, tmp_path / name)

    live("whole").finish()
    steps = [0]
    for _ in range(KILLS):
        live("cut").kill_after(random.uniform(0.05, 0.4))
        for folder in (tmp_path / "cut").glob("checkpoints/*"):
            steps.append(len(newest_whole(folder)["state"]["losses"]))
    live("cut").finish()
    assert steps == sorted(steps)
    expected, found = (torch.load(tmp_path / name / "results.pt") for name in ("whole", "cut"))
    assert 0 < steps[-1] < expected["best_step"]  # the adapter was learned before and after the kills
    assert found["loss"] == pytest.approx(expected["loss"], abs=1e-6)
    assert found["losses"] == pytest.approx(expected["losses"], abs=1e-6)
    assert dict(found["evaluations"]) == pytest.approx(dict(expected["evaluations"]), abs=1e-6)
    assert found["adapter"].keys() == expected["adapter"].keys()
    for name, value in expected["adapter"].items():
        torch.testing.assert_close(found["adapter"][name], value, atol=1e-6, rtol=0)
