import json
import math
from dataclasses import replace

import pytest
import torch

from webapp.training import loop, steps
from webapp.training.batches import BatchPlan, plan_batches
from webapp.training.checkpoints import RunState, remove_checkpoints, saved_states
from webapp.training.evaluation import held_out_loss
from webapp.training.loop import train
from webapp.training.masking import build_rows, tokenizer_encode
from webapp.training.model import Hardware, find_hardware, load_model, load_tokenizer, trainable_parameters
from webapp.training.progress_reports import Reporter, RunCancelled
from webapp.training.steps import StepFigures, make_learner
from webapp.training.turns import tokenizer_render

SORTED = "not asked for"


class Run:
    """One training of a miniature: what came of it, its final weights, and the model."""

    def __init__(self, config, conversations, folder, plan=None, loss_before=math.inf, model=None, reporter=None):
        folder.mkdir(exist_ok=True)
        tokenizer, self.hardware = load_tokenizer(config), find_hardware()
        render, encode = tokenizer_render(tokenizer), tokenizer_encode(tokenizer)
        rows = build_rows(conversations, range(24), render, encode, 256)
        self.held_out = build_rows(conversations, range(24, 30), render, encode, 256)
        self.model, self.pad_id = model or load_model(config, self.hardware), tokenizer.pad_token_id
        learner = make_learner(self.model, config, self.hardware, self.pad_id)
        plan = plan or plan_batches(self.model, config)
        self.training = train(learner, rows, self.held_out, config, plan, folder, loss_before, reporter or Reporter())
        trained = trainable_parameters(self.model)
        self.weights = {name: parameter.detach().clone() for name, parameter in trained.items()}

    def held_out_loss(self):
        return held_out_loss(self.model, self.held_out, self.pad_id, self.hardware, 4)


def assert_same(run, other):
    assert run.training.losses == other.training.losses
    assert run.training.evaluations == other.training.evaluations
    assert run.training.best_step == other.training.best_step
    for name, value in other.weights.items():
        torch.testing.assert_close(run.weights[name], value, atol=0, rtol=0)


def interrupt_after(monkeypatch, steps):
    """Lets so many steps be taken, then ends as Ctrl-C does."""
    left = iter(range(steps))
    real = loop.train_step

    def interrupted(*arguments):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(loop, "train_step", interrupted)


def scripted_evaluations(monkeypatch, losses):
    """The held-out losses that evaluations will find."""
    script = iter(losses)
    monkeypatch.setattr(loop, "held_out_loss", lambda *_: next(script))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_an_interrupted_run_resumes_to_the_same_weights(
    tmp_path, monkeypatch, miniature_of, run_config, conversations, llama, method
):
    rate = {"lora": 1e-2, "full": 1e-3}[method]
    config = run_config(
        miniature_of(llama), method=method, learning_rate=rate, checkpoint_minutes=0.0, lora_dropout=0.1
    )
    whole = Run(config, conversations, tmp_path / "whole")
    interrupt_after(monkeypatch, 5)
    with pytest.raises(KeyboardInterrupt):
        Run(config, conversations, tmp_path / "cut")
    monkeypatch.undo()
    torch.manual_seed(999)
    assert_same(Run(config, conversations, tmp_path / "cut"), whole)


def test_a_cell_interrupted_before_a_checkpoint_can_be_run_again_with_the_same_model(
    tmp_path, monkeypatch, miniature_of, run_config, conversations, llama
):
    config = run_config(miniature_of(llama), lora_dropout=0.1, eval_steps=100)
    whole = Run(config, conversations, tmp_path / "whole")
    model = load_model(config, find_hardware())
    interrupt_after(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        Run(config, conversations, tmp_path / "cut", model=model)
    monkeypatch.undo()
    assert_same(Run(config, conversations, tmp_path / "cut", model=model), whole)


def test_a_model_that_is_trained_already_begins_no_new_run(tmp_path, miniature_of, run_config, conversations, llama):
    """The cell run again after the whole notebook, whose last cell has removed the checkpoints."""
    config = run_config(miniature_of(llama), max_steps=2)
    first = Run(config, conversations, tmp_path / "x")
    remove_checkpoints(tmp_path / "x")
    with pytest.raises(RuntimeError, match="trained already"):
        Run(config, conversations, tmp_path / "x", model=first.model)
    assert_same(Run(config, conversations, tmp_path / "x"), first)


def test_a_run_that_was_complete_but_not_saved_is_not_trained_again(
    tmp_path, monkeypatch, miniature_of, run_config, conversations, llama
):
    config = run_config(miniature_of(llama))
    whole = Run(config, conversations, tmp_path / "x")
    interrupt_after(monkeypatch, 0)
    assert_same(Run(config, conversations, tmp_path / "x"), whole)


@pytest.mark.parametrize("damaged", [1, 2])
def test_a_damaged_checkpoint_is_named_and_the_run_goes_on_from_the_one_before_or_anew(
    tmp_path, miniature_of, run_config, conversations, llama, capsys, damaged
):
    config = run_config(miniature_of(llama), max_steps=4, eval_steps=1)
    whole = Run(config, conversations, tmp_path / "x")
    capsys.readouterr()
    for path in saved_states(tmp_path / "x")[:damaged]:
        path.write_bytes(path.read_bytes()[:-100])
    assert_same(Run(config, conversations, tmp_path / "x"), whole)
    said = capsys.readouterr().out
    assert f"{tmp_path / 'x/state-4.pt'} is damaged" in said
    assert ("resuming after step 3" in said) == (damaged == 1)


def test_the_best_weights_are_put_back_at_the_end(
    tmp_path, monkeypatch, miniature_of, run_config, conversations, llama
):
    config = run_config(miniature_of(llama), max_steps=6, eval_steps=2)
    short = Run(run_config(miniature_of(llama), max_steps=6, eval_steps=2), conversations, tmp_path / "whole")
    scripted_evaluations(monkeypatch, [1.0, 2.0, 3.0])
    best = Run(config, conversations, tmp_path / "best")
    assert best.training.best_step == 2
    assert best.training.losses == short.training.losses
    assert not best.training.stopped_early
    monkeypatch.undo()
    interrupt_after(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        Run(config, conversations, tmp_path / "two")
    two_steps = torch.load(tmp_path / "two" / "best-2.pt", weights_only=True)
    for name, value in best.weights.items():
        torch.testing.assert_close(value, two_steps[name], atol=0, rtol=0)


def test_the_best_evaluation_is_the_loss_of_the_model_that_is_left(
    tmp_path, miniature_of, run_config, conversations, llama
):
    run = Run(run_config(miniature_of(llama), eval_steps=3), conversations, tmp_path / "x")
    found = dict(run.training.evaluations)
    assert run.training.best_step == min(found, key=found.get)
    assert run.held_out_loss() == pytest.approx(found[run.training.best_step], abs=1e-6)


def test_patience_ends_a_run_and_a_resumed_one_stays_ended(
    tmp_path, monkeypatch, miniature_of, run_config, conversations, llama, capsys
):
    config = run_config(miniature_of(llama), eval_steps=1, early_stopping_patience=2)
    scripted_evaluations(monkeypatch, [3.0, 2.0, 2.5, 2.25, 1.0, 0.5])
    first = Run(config, conversations, tmp_path / "x")
    assert (first.training.best_step, len(first.training.losses), first.training.stopped_early) == (2, 4, True)
    assert "stopping early" in capsys.readouterr().out
    again = Run(config, conversations, tmp_path / "x")
    assert_same(again, first)
    assert again.training.stopped_early


def test_evaluations_alarms_and_the_best_weights_survive_an_interruption(
    tmp_path, monkeypatch, miniature_of, run_config, conversations, llama, capsys
):
    config = run_config(miniature_of(llama), max_steps=6, eval_steps=1, learning_rate=2e-2)
    scripted_evaluations(monkeypatch, [1.0, 1.5, 2.0, 2.5, 3.0])
    monkeypatch.setattr(loop, "overfitting_alarm", lambda found, _: loop.Alarm("x", "y") if len(found) == 3 else None)
    interrupt_after(monkeypatch, 4)
    with pytest.raises(KeyboardInterrupt):
        Run(config, conversations, tmp_path / "x")
    monkeypatch.undo()
    scripted_evaluations(monkeypatch, [3.5, 4.0])
    resumed = Run(config, conversations, tmp_path / "x")
    assert [loss for _, loss in resumed.training.evaluations] == [1.0, 1.5, 2.0, 2.5, 3.5, 4.0]
    assert resumed.training.best_step == 1
    assert resumed.training.alarms[0].code == "x"
    assert capsys.readouterr().out.count("ALARM x") == 1


def test_evaluations_come_five_times_a_run_or_as_often_as_asked(
    tmp_path, miniature_of, run_config, conversations, llama
):
    steps = [
        step for step, _ in Run(run_config(miniature_of(llama)), conversations, tmp_path / "a").training.evaluations
    ]
    assert steps == [2, 4, 6, 8]
    asked = Run(run_config(miniature_of(llama), eval_steps=3), conversations, tmp_path / "b").training.evaluations
    assert [step for step, _ in asked] == [3, 6, 8]


def test_a_loss_that_is_not_finite_stops_a_run_that_has_no_good_weights(
    tmp_path, monkeypatch, miniature_of, run_config, conversations, llama
):
    monkeypatch.setattr(loop, "train_step", lambda *_: StepFigures(math.nan, math.nan))
    with pytest.raises(RuntimeError, match="nan at step 1: lower the learning rate"):
        Run(run_config(miniature_of(llama)), conversations, tmp_path / "x")


def breaks_down_at_the_fourth_step(monkeypatch):
    """The fourth step leaves weights that are no numbers, and says so by its loss."""
    real, taken = loop.train_step, []

    def failing(learner, *arguments):
        taken.append(real(learner, *arguments))
        if len(taken) < 4:
            return taken[-1]
        with torch.no_grad():
            for parameter in trainable_parameters(learner.model).values():
                parameter.fill_(float("nan"))
        return StepFigures(math.nan, math.nan)

    monkeypatch.setattr(loop, "train_step", failing)


def test_a_loss_that_is_not_finite_later_leaves_the_best_weights(
    tmp_path, monkeypatch, miniature_of, run_config, conversations, llama
):
    breaks_down_at_the_fourth_step(monkeypatch)
    run = Run(run_config(miniature_of(llama), eval_steps=2), conversations, tmp_path / "x")
    assert (run.training.best_step, run.training.stopped_early, len(run.training.losses)) == (2, True, 3)
    assert [alarm.code for alarm in run.training.alarms] == ["loss_not_finite"]
    assert run.held_out_loss() == pytest.approx(run.training.evaluations[-1][1], abs=1e-6)


def test_weights_that_are_no_numbers_are_never_handed_on(
    tmp_path, monkeypatch, miniature_of, run_config, conversations, llama
):
    breaks_down_at_the_fourth_step(monkeypatch)
    monkeypatch.setattr(loop, "put_back_best", lambda *_: False)  # its file is damaged
    with pytest.raises(RuntimeError, match="cannot be read back"):
        Run(run_config(miniature_of(llama), eval_steps=2), conversations, tmp_path / "x")


def test_a_run_that_gains_nothing_says_so(tmp_path, miniature_of, run_config, conversations, llama, capsys):
    run = Run(run_config(miniature_of(llama), max_steps=2), conversations, tmp_path / "x", loss_before=0.0)
    assert [alarm.code for alarm in run.training.alarms] == ["no_gain"]
    assert "ALARM no_gain: the held-out loss is" in capsys.readouterr().out


@pytest.mark.parametrize("plan", [BatchPlan(2, 4, SORTED), BatchPlan(1, 8, SORTED), BatchPlan(4, 2, "")])
def test_halved_and_packed_batches_train_the_same(tmp_path, miniature_of, run_config, conversations, llama, plan):
    config = run_config(miniature_of(llama), max_steps=4, learning_rate=1e-3)
    whole = Run(config, conversations, tmp_path / "whole", BatchPlan(4, 2, SORTED))
    other = Run(config, conversations, tmp_path / "other", plan)
    assert other.training.losses == pytest.approx(whole.training.losses, abs=1e-5)


def test_a_run_goes_on_with_a_batch_that_had_to_be_halved(
    tmp_path, monkeypatch, miniature_of, run_config, conversations, llama
):
    config = run_config(miniature_of(llama), checkpoint_minutes=0.0, learning_rate=1e-3)
    whole = Run(config, conversations, tmp_path / "whole")
    interrupt_after(monkeypatch, 4)
    with pytest.raises(KeyboardInterrupt):
        Run(config, conversations, tmp_path / "cut")
    monkeypatch.undo()
    resumed = Run(config, conversations, tmp_path / "cut", BatchPlan(2, 4, SORTED))
    assert resumed.training.losses[:4] == whole.training.losses[:4]
    assert resumed.training.losses == pytest.approx(whole.training.losses, abs=1e-4)
    assert (resumed.training.batch_size, resumed.training.gradient_accumulation) == (2, 4)


def test_the_report_tells_what_the_run_was(tmp_path, miniature_of, run_config, conversations, llama, capsys):
    run = Run(run_config(miniature_of(llama), packing=True), conversations, tmp_path / "x")
    report = json.loads(json.dumps(run.training.to_report()))
    assert set(report) == {
        "evaluations", "best_step", "stopped_early", "seconds", "tokens_per_second", "peak_memory_bytes",
        "batch_size", "gradient_accumulation", "not_packed",
    }  # fmt: skip
    assert report["tokens_per_second"] > 0 < report["seconds"]
    assert (report["peak_memory_bytes"], report["not_packed"]) == (None, "")
    said = capsys.readouterr().out
    assert "step 8/8  epoch 2.00  loss" in said
    assert " tokens/s  0 s left" in said


def test_the_peak_is_that_of_training_alone(tmp_path, monkeypatch, miniature_of, run_config, conversations, llama):
    """The answers of the base model, eight at a time, came before it."""
    held = {"peak": 9}
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: held.update(peak=0))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: held["peak"])
    card = Hardware("cuda", torch.float32, "a card")
    for count in (loop.forget_peak, loop.peak_memory):
        monkeypatch.setattr(loop, count.__name__, lambda learner, count=count: count(replace(learner, hardware=card)))
    real = loop.train_step
    monkeypatch.setattr(loop, "train_step", lambda *given: held.update(peak=max(7, held["peak"])) or real(*given))
    training = Run(run_config(miniature_of(llama), max_steps=2), conversations, tmp_path / "x").training
    assert training.peak_memory_bytes == 7


def test_gradient_checkpointing_changes_no_number(tmp_path, miniature_of, run_config, conversations, llama):
    runs = [
        Run(run_config(miniature_of(llama), gradient_checkpointing=on, max_steps=3), conversations, tmp_path / str(on))
        for on in (False, True)
    ]
    assert runs[0].training.losses == pytest.approx(runs[1].training.losses, abs=1e-6)


def test_a_cell_that_was_interrupted_within_a_step_goes_on_as_if_it_had_not_been(
    tmp_path, monkeypatch, miniature_of, run_config, conversations, llama
):
    """In the same kernel the model still has the gradients of the half step."""
    config = run_config(miniature_of(llama), max_steps=3)
    whole = Run(config, conversations, tmp_path / "whole")
    model = load_model(config, find_hardware())
    real = steps.loss_sum
    left = iter(range(3))  # micro-batches: a step and a half

    def interrupted(*arguments):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(steps, "loss_sum", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Run(config, conversations, tmp_path / "halved", model=model)
    monkeypatch.setattr(steps, "loss_sum", real)
    assert_same(Run(config, conversations, tmp_path / "halved", model=model), whole)


def test_evaluations_that_could_not_be_kept_still_count_as_better(run_config):
    """A full disk is no reason to stop early."""
    state = RunState(evaluations=[(2, 2.0), (4, 1.5)], best_step=0)
    assert not loop.waits_in_vain(state, run_config("x", early_stopping_patience=1))
    state.evaluations.append((6, 1.6))
    assert loop.waits_in_vain(state, run_config("x", early_stopping_patience=1))


class Listener(Reporter):
    """Keeps what is told; `cancelled` after so many steps."""

    def __init__(self, cancel_after=math.inf):
        super().__init__()
        self.rows, self.lasts, self.cancel_after = [], [], cancel_after

    @property
    def cancelled(self):
        return len(self.rows) > self.cancel_after

    def step(self, figures, last=False):
        self.rows.append(figures)
        self.lasts.append(last)


def test_every_step_is_told_with_its_figures(tmp_path, miniature_of, run_config, conversations, llama):
    listener = Listener()
    config = run_config(miniature_of(llama), max_steps=4, eval_steps=2)
    training = Run(config, conversations, tmp_path / "x", loss_before=3.5, reporter=listener).training
    assert listener.rows[0] == {"step": 0, "total_steps": 4, "epoch": 0.0, "eval_loss": 3.5}
    rows = listener.rows[1:]
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert [row["loss"] for row in rows] == training.losses
    assert [(row["step"], row["eval_loss"]) for row in rows if row["eval_loss"]] == training.evaluations
    assert all(row["grad_norm"] > 0 and row["tokens_per_second"] > 0 for row in rows)
    assert rows[0]["learning_rate"] == pytest.approx(steps.learning_rate_at(0, 4, config))
    assert (rows[0]["eta_seconds"] > 0, rows[-1]["eta_seconds"], rows[-1]["memory_bytes"]) == (True, 0, None)
    assert listener.lasts == [False] * 4 + [True]


def test_a_cancelled_run_stops_after_its_step_and_goes_on_from_there(
    tmp_path, miniature_of, run_config, conversations, llama
):
    config = run_config(miniature_of(llama), max_steps=6, eval_steps=3)
    whole = Run(config, conversations, tmp_path / "whole")
    with pytest.raises(RunCancelled, match="after step 2"):
        Run(config, conversations, tmp_path / "cut", reporter=Listener(cancel_after=2))
    assert saved_states(tmp_path / "cut")[0].name == "state-2.pt"
    listener = Listener()
    assert_same(Run(config, conversations, tmp_path / "cut", reporter=listener), whole)
    assert [row["step"] for row in listener.rows] == [3, 4, 5, 6]
