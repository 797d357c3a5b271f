"""The training settings that suit a dataset, a model and a card, each with its reason."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from webapp.catalog.case import LENGTH_STEP, training_length
from webapp.catalog.epochs import MOST_EPOCHS, epochs
from webapp.catalog.gpus import Gpu, Method
from webapp.catalog.held_out import held_out_share, really_held_out
from webapp.catalog.memory import MemoryEstimate, estimate_memory
from webapp.catalog.methods import METHOD_NAMES, methods_on, resolve_method
from webapp.catalog.models import BaseModel
from webapp.catalog.presets import LORA_RANK, Preset, resolve_preset
from webapp.catalog.profile import Profile
from webapp.catalog.workload import EVALUATIONS
from webapp.errors import Problem
from webapp.plurals import counted

# "LoRA Without Regret" (Thinking Machines, 2025): about ten times the rate of full fine-tuning, fifteen times in
# runs of under 100 steps; with alpha 32 and the usual scale alpha / rank the best rate hardly moves with the rank.
FULL_RATE, LORA_TIMES, SHORT_RUN, SHORT_RUN_TIMES, LORA_ALPHA = 2e-5, 10, 100, 15, 32
# OpenAI's published default was 0.2 % of the examples; adapters lose more in large batches than full fine-tuning.
BATCH_SHARE, LEAST_BATCH, MOST_BATCH = 0.002, 8, 32
LEAST_ANSWER, MOST_ANSWER = 64, 512


# What a length keeps whole, most first.
_KEPT = {
    "longest": "All of your conversations",
    "p99": "99 % of your conversations",
    "p95": "95 % of your conversations",
}


class Setting(msgspec.Struct, frozen=True):
    """One training setting: its value, and why; `given` where the person has set it.

    `suggested` is then what would stand there otherwise, None where nothing is suggested for it.
    """

    name: str
    value: int | float | str | bool
    reason: str
    given: bool = False
    suggested: int | float | str | bool | None = None


class Settings(NamedTuple):
    """The settings of one run, by name, the memory it takes with them, its optimiser steps, and its evaluations.

    Steps and evaluations are about so many: where rows are packed there are fewer steps.
    """

    preset: str
    items: Mapping[str, Setting]
    memory: MemoryEstimate
    steps: int
    evaluations: int

    @property
    def values(self) -> dict[str, Any]:
        """The values alone."""
        return {name: setting.value for name, setting in self.items.items()}

    def to_list(self) -> list[dict[str, Any]]:
        """JSON data, in the order in which they follow from each other."""
        return [msgspec.to_builtins(setting) for setting in self.items.values()]


def suggest(
    profile: Profile, model: BaseModel, gpu: Gpu, preset: str = "balanced", given: Mapping[str, Any] | None = None
) -> Settings:
    """The settings for this data, model and card; what is `given` stands, and the others follow it.

    Raises Problem `unknown_preset`, and where what is given cannot work `max_seq_length_too_long`,
    `method_unavailable`, `needs_bf16` or `settings_do_not_fit`, with the numbers.
    """
    return _Choice(profile, model, gpu, resolve_preset(preset), dict(given or {})).settings()


class _Choice:
    """Chooses one setting after the other, each from those before it."""

    def __init__(self, profile: Profile, model: BaseModel, gpu: Gpu, preset: Preset, given: dict[str, Any]) -> None:
        self.profile, self.model, self.gpu, self.preset, self.given = profile, model, gpu, preset, given
        self.rank = preset.lora_rank
        self.chosen: dict[str, Setting] = {}

    def settings(self) -> Settings:
        if self.gpu.fp16 and not self.model.t4:
            message = f"{self.model.t4_note}; the {self.gpu.name} has no bf16. Choose another GPU or another model."
            raise Problem("needs_bf16", message, param="gpu")
        length = self._length()
        method = self._method(length)
        self._adapters(method)
        memory = self._batches(method, length)
        self._epochs_and_rate(method)
        evaluations = self._evaluation()
        for name, value in self.given.items():
            if name not in self.chosen:
                self.chosen[name] = Setting(name, value, "You set it.", given=True)
        steps = self._steps(int(self.chosen["num_epochs"].value))
        return Settings(self.preset.name, self.chosen, memory, steps, evaluations)

    def _take(self, name: str, value: Any, reason: str) -> Any:
        """The given value, else this one."""
        if name in self.given:
            reason = f"You set it; suggested is {value}."
            self.chosen[name] = Setting(name, self.given[name], reason, given=True, suggested=value)
        else:
            self.chosen[name] = Setting(name, value, reason)
        return self.chosen[name].value

    def _length(self) -> int:
        model, gpu = self.model, self.gpu
        percentile = self._kept()
        needed, kept = self.profile.needed_tokens(model, percentile), _KEPT[percentile]
        value = training_length(needed, model, gpu)
        reason = f"{kept} need about {needed:,} tokens; the next multiple of {LENGTH_STEP}."
        if needed > value:
            reason = f"{kept} need about {needed:,} tokens; cut at {value:,}, since {self._why_cut(value)}."
        elif percentile != self.preset.percentile:
            reason += f" {_KEPT[self.preset.percentile]} would not fit."
        length: int = self._take("max_seq_length", value, reason)
        if length > model.context_length:
            raise Problem(
                "max_seq_length_too_long",
                f"max_seq_length is {length:,}; the context of {model.name} ends at {model.context_length:,} tokens.",
                param="training_config.max_seq_length",
            )
        return length

    def _why_cut(self, length: int) -> str:
        if length == self.model.context_length:
            return "its context ends there"
        return f"the {self.gpu.name} has no bf16" if self.gpu.fp16 else "more is seldom worth its time"

    def _kept(self) -> str:
        """The preset's share of the rows, or the next smaller one that the card has room for; so with the rank."""
        shares = list(_KEPT)[list(_KEPT).index(self.preset.percentile) :]
        for rank in dict.fromkeys((self.preset.lora_rank, min(self.preset.lora_rank, LORA_RANK))):
            self.rank = rank
            for percentile in shares:
                length = training_length(self.profile.needed_tokens(self.model, percentile), self.model, self.gpu)
                if any(self._memory(method, length).fits for method in self._methods()):
                    return percentile
        return shares[-1]

    def _methods(self) -> tuple[Method, ...]:
        if given := self.given.get("method"):
            return (resolve_method(given, self.gpu, param="training_config.method"),)
        return methods_on(self.gpu)

    def _method(self, length: int) -> Method:
        gpu = self.gpu
        self._methods()  # refuses what the machine cannot run
        tried = [self._memory(method, length) for method in methods_on(gpu)]
        found = next((estimate for estimate in tried if estimate.fits), tried[-1])
        needs = f"{METHOD_NAMES[found.method]} takes {found.mid:.1f} GiB for a row of {length:,} tokens"
        reason = f"{needs}, within 85 % of the {gpu.memory_gib:g} GiB of the {gpu.name}."
        if found.method == "qlora" and len(tried) > 1:
            reason = f"LoRA would take {tried[0].mid:.1f} GiB; {reason}"
        if not found.fits:
            reason = f"{needs}, over 85 % of the {gpu.memory_gib:g} GiB of the {gpu.name}: it may not fit."
        method: Method = self._take("method", found.method, reason)
        return method

    def _adapters(self, method: Method) -> None:
        if method == "full":
            return
        wanted = self.preset.lora_rank
        reason = f"{self.rank} for the preset {self.preset.name}; {LORA_RANK} is enough for small data."
        self._take("lora_rank", self.rank, reason if self.rank == wanted else f"{wanted} would not fit on the card.")
        self._take("lora_alpha", LORA_ALPHA, "With alpha at 32 the best learning rate hardly moves with the rank.")

    def _batches(self, method: Method, length: int) -> MemoryEstimate:
        """The micro-batch is the largest that fits, the accumulation makes up the rest of a step.

        What fits takes 85 % of the card at most, so the high end of its band, 15 % up, is still on it.
        """
        rows = self._rows()
        whole = min(MOST_BATCH, max(LEAST_BATCH, 2 ** int(math.log2(max(1.0, BATCH_SHARE * rows)))))
        size, memory = 1, self._memory(method, length)
        while size < whole and (larger := self._memory(method, length, size * 2)).fits:
            size, memory = size * 2, larger
        reason = (
            f"{size} x {length:,} tokens take {memory.low:.1f} to {memory.high:.1f} GiB of {self.gpu.memory_gib:g}; "
            f"{'a step needs no more rows.' if size == whole else 'twice as many could be too much.'}"
        )
        if "batch_size" not in self.given and (given := self.given.get("gradient_accumulation")):
            size = max(1, min(size, whole // int(given)))
            reason = f"{counted(size, 'row')}, {counted(given, 'time')}, make a step of about {whole}."
        taken = self._take("batch_size", size, reason)
        memory = self._memory(method, length, taken)
        self._refuse_too_much(method, length, memory)
        steps = max(1, round(whole / taken))
        made = counted(steps, f"batch of {taken} makes", f"batches of {taken} make")
        share = f"0.2 % of {rows:,} rows, between {LEAST_BATCH} and {MOST_BATCH}, are {whole} a step"
        self._take("gradient_accumulation", steps, f"{share}; {made} {steps * taken}.")
        return memory

    def _memory(self, method: Method, length: int, size: int = 1) -> MemoryEstimate:
        return estimate_memory(
            self.model,
            gpu=self.gpu,
            method=method,
            batch_size=size,
            max_seq_length=length,
            lora_rank=int(self.given.get("lora_rank", self.rank)),
            checkpointing=self.given.get("gradient_checkpointing", True),
        )

    def _refuse_too_much(self, method: Method, length: int, memory: MemoryEstimate) -> None:
        """What even the low end of the band has no room for cannot work."""
        if memory.low <= memory.gpu_gib:
            return
        culprits = ("batch_size", "max_seq_length", "lora_rank", "gradient_checkpointing", "method")
        given = [name for name in culprits if name in self.given and (method != "full" or name != "lora_rank")]
        what = f"{memory.batch_size} x {length:,} tokens by {METHOD_NAMES[method]}"
        raise Problem(
            "settings_do_not_fit",
            f"{self.model.name} needs {memory.low:.1f} to {memory.high:.1f} GiB for {what}; the {self.gpu.name} has "
            f"{memory.gpu_gib:g} GiB. {self._way_out(method, length, memory)}",
            param=f"training_config.{given[0]}" if given else "gpu",
            details={"memory": memory.to_dict(), "gpu": self.gpu.id},
        )

    def _way_out(self, method: Method, length: int, memory: MemoryEstimate) -> str:
        if memory.batch_size > 1 and self._memory(method, length).low <= memory.gpu_gib:
            return "A batch_size of 1 with more gradient_accumulation would be worth a try."
        if method != "qlora" and "qlora" in self.gpu.methods and self._memory("qlora", length).fits:
            return "QLoRA fits with a batch_size of 1."
        return "Choose a larger GPU, a smaller model or a shorter max_seq_length."

    def _rows(self) -> int:
        """Rows to train on: each learned answer is one, unless all of a conversation are trained together."""
        answers = 1.0 if self.given.get("train_turns") == "together" else self.profile.answers
        trained = self.profile.examples * (1 - self._held_out_share())
        return max(1, round(trained * answers))

    def _held_out_share(self) -> float:
        examples = self.profile.examples
        return really_held_out(examples, float(self.given.get("eval_fraction", held_out_share(examples))))

    def _epochs_and_rate(self, method: Method) -> None:
        usual, examples = epochs(self.profile.examples), self.profile.examples
        value = min(MOST_EPOCHS, max(1, round(usual * self.preset.epochs)))
        rule = f"{usual} by OpenAI's rule for {counted(examples, 'example')}"
        count = self._take("num_epochs", value, rule + ("." if value == usual else f", {value} for this preset."))
        steps = self._steps(count)
        times = SHORT_RUN_TIMES if steps < SHORT_RUN else LORA_TIMES
        if method == "full":
            self._take("learning_rate", FULL_RATE, "Usual for full fine-tuning; adapters take about ten times as much.")
        else:
            reason = f"{times} times that of full fine-tuning, since the run has about {counted(steps, 'step')}."
            self._take("learning_rate", round(FULL_RATE * times, 6), reason)

    def _steps(self, count: int) -> int:
        """Steps of so many epochs; packed rows make fewer, how many is only known when they are packed."""
        rows_a_step = int(self.chosen["batch_size"].value) * int(self.chosen["gradient_accumulation"].value)
        steps = max(1, math.ceil(self._rows() / rows_a_step) * count)
        return min(steps, int(self.given.get("max_steps") or steps))

    def _evaluation(self) -> int:
        """How much is held out, and how often it is looked at."""
        examples, patience = self.profile.examples, self.preset.patience
        share = held_out_share(examples)
        held_out = max(1, round(self._held_out_share() * examples))
        held = counted(held_out, "conversation is held out", "conversations are held out")
        self._take("eval_fraction", share, f"{held}, never trained on.")
        count = int(self.chosen["num_epochs"].value)
        steps, times = self._steps(count), max(EVALUATIONS, 2 * count if count <= EVALUATIONS else count)
        every = max(1, steps // times)
        if self.given.get("packing"):
            every = self._take("eval_steps", 0, "Five over the run: packing makes fewer steps than rows tell.")
        else:
            often = f"{counted(steps // every, 'evaluation')} in about {counted(steps, 'step')}."
            every = self._take("eval_steps", every, often)
        reason = f"Ends after {counted(patience, 'evaluation')} without a better loss."
        self._take("early_stopping_patience", patience, reason)
        mean = self.profile.answer_tokens
        most = min(MOST_ANSWER, max(LEAST_ANSWER, LEAST_ANSWER * math.ceil(2 * mean / LEAST_ANSWER)))
        reason = f"Twice your average answer of {mean:,.0f} tokens, between {LEAST_ANSWER} and {MOST_ANSWER}."
        self._take("max_new_tokens", most, reason)
        return max(1, steps // every) if every else EVALUATIONS
