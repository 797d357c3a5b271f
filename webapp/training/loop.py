"""The training loop: steps, evaluations, the best weights kept, early stopping, alarms, checkpoints and resume."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch

from webapp.training.alarms import (
    NOT_FINITE,
    Alarm,
    memorising_alarm,
    no_gain_alarm,
    not_finite_alarm,
    overfitting_alarm,
    sound,
    truncation_alarm,
)
from webapp.training.batches import BatchPlan, count_steps, epoch_batches, micro_batches
from webapp.training.checkpoints import RunState, keep_best, load_checkpoint, put_back_best, save_checkpoint
from webapp.training.configuration import RunConfig
from webapp.training.curve import LiveCurve
from webapp.training.evaluation import held_out_loss
from webapp.training.masking import Row
from webapp.training.progress_reports import Reporter, RunCancelled
from webapp.training.steps import Learner, StepFigures, learning_rate_at, train_step

EVALUATIONS = 5  # in a run, when `eval_steps` does not say
TRAINED = "trained_by_tunebook"  # a mark on the model


@dataclass(frozen=True)
class Training:
    """What a run was: a loss for every step, (step, held-out loss) for every evaluation, in nats per trained token.

    The model has the weights of `best_step`. `seconds` and `tokens_per_second` are of optimiser steps alone, padding
    not counted; `peak_memory_bytes` is None without CUDA; `not_packed` is empty when rows were packed.
    """

    losses: list[float]
    evaluations: list[tuple[int, float]]
    best_step: int
    stopped_early: bool
    alarms: list[Alarm]
    seconds: float
    tokens_per_second: float
    peak_memory_bytes: int | None
    batch_size: int
    gradient_accumulation: int
    not_packed: str

    def to_report(self) -> dict[str, Any]:
        """The part `training` of the report: all but losses and alarms, which the report has beside the others."""
        return {name: value for name, value in asdict(self).items() if name not in {"losses", "alarms"}}


def train(
    learner: Learner,
    rows: Sequence[Row],
    held_out: Sequence[Row],
    config: RunConfig,
    plan: BatchPlan,
    folder: Path,
    loss_before: float,
    reporter: Reporter,
) -> Training:
    """Trains in place, from the checkpoint in `folder` if there is one, and leaves the model with its best weights.

    RuntimeError when a loss is not finite before any evaluation; RunCancelled, after a checkpoint, when the reporter
    says so. The checkpoints are left for a later cell to remove once results are saved.
    """
    state = start(folder, learner, config)
    forget_peak(learner)
    sound(truncation_alarm(rows), state.alarms)
    per_epoch, total = count_steps(rows, config)
    every = config.eval_steps or math.ceil(total / EVALUATIONS)
    curve, first, started = LiveCurve(total), len(state.losses), time.monotonic()
    saved = started
    if not first:
        reporter.step({"step": 0, "total_steps": total, "epoch": 0.0, "eval_loss": loss_before})
    learner.model.train()
    epoch, batches = -1, []
    for step in range(first, 0 if state.stopped_early else total):
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            batches = epoch_batches(rows, config, epoch)
        place = step % per_epoch * config.gradient_accumulation
        rate = learning_rate_at(step, total, config)
        done = timed_step(learner, batches[place : place + config.gradient_accumulation], config, plan, rate, state)
        loss = done.loss
        evaluated = (step + 1) % every == 0 or step + 1 == total
        if math.isfinite(loss) and evaluated:
            loss = evaluate(learner, held_out, plan, state, folder)
            state.stopped_early = step + 1 < total and waits_in_vain(state, config)
        if not math.isfinite(loss):
            give_up(not_finite_alarm(loss, step + 1), state)
            break
        sound(memorising_alarm(state.losses, per_epoch), state.alarms)
        if evaluated or time.monotonic() - saved >= config.checkpoint_minutes * 60:
            save_checkpoint(folder, learner, state)
            saved = time.monotonic()
        last = step + 1 == total or state.stopped_early
        figures = step_figures(state, per_epoch, total, rate, (time.monotonic() - started) / (step + 1 - first))
        reporter.step({**figures, "grad_norm": done.grad_norm, "memory_bytes": peak_memory(learner)}, last)
        line = progress_line(figures)
        curve.update(line, state.losses, state.evaluations, last)
        if last or (step + 1) % max(1, total // 25) == 0:
            print(line, flush=True)
        if state.stopped_early:
            break
        if reporter.cancelled and not last:
            save_checkpoint(folder, learner, state)
            raise RunCancelled(f"cancelled after step {step + 1}; run it again and it goes on from there")
    return finish(learner, state, plan, folder, loss_before)


def start(folder: Path, learner: Learner, config: RunConfig) -> RunState:
    """The state to go on from. A new run keeps its start, so that an interrupted cell can be run again at any time.

    RuntimeError for a new run with the weights of one before: it would not start from the base model.
    """
    learner.optimizer.zero_grad(set_to_none=True)  # of a step that was interrupted half-way
    state = load_checkpoint(folder, learner)
    if state is None:
        if hasattr(learner.model, TRAINED):
            raise RuntimeError("this model is trained already: run the cells from Model on, which load the base anew")
        torch.manual_seed(config.seed)  # dropout draws the same, whatever was drawn before
        state = RunState()
        save_checkpoint(folder, learner, state)
    elif state.losses:
        print(f"resuming after step {len(state.losses)} from {folder}", flush=True)
    setattr(learner.model, TRAINED, True)
    return state


def timed_step(
    learner: Learner, batches: Sequence[list[Row]], config: RunConfig, plan: BatchPlan, rate: float, state: RunState
) -> StepFigures:
    """Takes one optimiser step; its loss is noted in `state` unless it is not finite."""
    began = time.monotonic()
    done = train_step(learner, micro_batches(batches, plan, config.max_seq_length), plan, rate, config.max_grad_norm)
    if math.isfinite(done.loss):
        state.losses.append(done.loss)
        state.seconds += time.monotonic() - began
        state.tokens += sum(len(row.input_ids) for batch in batches for row in batch)
    return done


def evaluate(learner: Learner, held_out: Sequence[Row], plan: BatchPlan, state: RunState, folder: Path) -> float:
    """Measures the held-out loss, and keeps the weights when it is the lowest yet."""
    step = len(state.losses)
    loss = held_out_loss(learner.model, held_out, learner.pad_id, learner.hardware, plan.batch_size)
    learner.model.train()
    if not math.isfinite(loss):
        return loss
    state.evaluations.append((step, loss))
    print(f"held-out loss {loss:.4f} after step {step}", flush=True)
    if loss < state.best_loss and keep_best(folder, learner, step):
        state.best_step, state.best_loss = step, loss
    sound(overfitting_alarm(state.evaluations, state.losses), state.alarms)
    return loss


def waits_in_vain(state: RunState, config: RunConfig) -> bool:
    """Whether as many evaluations as the patience allows have brought no better held-out loss."""
    lowest, _ = min(state.evaluations, key=itemgetter(1))
    waited = sum(step > lowest for step, _ in state.evaluations)
    if not config.early_stopping_patience or waited < config.early_stopping_patience:
        return False
    print(f"stopping early: no better held-out loss at the last {waited} evaluations", flush=True)
    return True


def give_up(alarm: Alarm, state: RunState) -> None:
    """Ends a run that cannot go on with the best weights it had; RuntimeError when it had none."""
    sound(alarm, state.alarms)
    if not state.best_step:
        raise RuntimeError(alarm.message)
    state.stopped_early = True


def step_figures(
    state: RunState, per_epoch: int, total: int, rate: float, seconds_per_step: float
) -> dict[str, float | None]:
    """How far the run is, by name; `eval_loss` is None after a step without an evaluation."""
    step = len(state.losses)
    evaluated = state.evaluations and state.evaluations[-1][0] == step
    return {
        "step": step,
        "total_steps": total,
        "epoch": step / per_epoch,
        "loss": state.losses[-1],
        "eval_loss": state.evaluations[-1][1] if evaluated else None,
        "learning_rate": rate,
        "tokens_per_second": state.tokens / max(state.seconds, 1e-9),
        "eta_seconds": seconds_per_step * (total - step),
    }


def progress_line(figures: Mapping[str, float | None]) -> str:
    """`step 12/100  epoch 0.29  ...`: how far the run is, for people and for programs that follow it."""
    return (
        "step {step}/{total_steps}  epoch {epoch:.2f}  loss {loss:.4f}  learning rate {learning_rate:.1e}  "
        "{tokens_per_second:,.0f} tokens/s  {eta_seconds:.0f} s left".format_map(figures)
    )


def forget_peak(learner: Learner) -> None:
    """Counts the peak anew: what was predicted is that of training, and the base model has answered before it."""
    if learner.hardware.device == "cuda":
        torch.cuda.reset_peak_memory_stats()


def peak_memory(learner: Learner) -> int | None:
    """The most bytes that tensors have held on the card; None on the CPU."""
    return torch.cuda.max_memory_allocated() if learner.hardware.device == "cuda" else None


def finish(learner: Learner, state: RunState, plan: BatchPlan, folder: Path, loss_before: float) -> Training:
    """Puts the best weights back and sums the run up; RuntimeError when it broke down and they cannot be read."""
    if put_back_best(folder, learner, state.best_step):
        print(f"the weights are those of step {state.best_step}, the best on held-out rows", flush=True)
    elif any(alarm.code == NOT_FINITE for alarm in state.alarms):
        raise RuntimeError("the loss was not finite, and the best weights cannot be read back: run it again")
    else:
        state.best_step, state.best_loss = state.evaluations[-1]
    sound(no_gain_alarm(loss_before, state.best_loss), state.alarms)
    return Training(
        losses=state.losses,
        evaluations=state.evaluations,
        best_step=state.best_step,
        stopped_early=state.stopped_early,
        alarms=state.alarms,
        seconds=state.seconds,
        tokens_per_second=state.tokens / max(state.seconds, 1e-9),
        peak_memory_bytes=peak_memory(learner),
        batch_size=plan.batch_size,
        gradient_accumulation=plan.gradient_accumulation,
        not_packed=plan.not_packed,
    )
