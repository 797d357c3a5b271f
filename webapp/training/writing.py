"""Prompts answered token by token by a base model and by what was trained from it, in a process of its own.

`python -m webapp.training.writing FOLDER` is in FOLDER's run: its first line on stdin is `{parameters}`, each further
one a prompt, `{prompt, messages, temperature, max_new_tokens, seed}`, or `{stop}` with the prompt's number. It says on
stdout, a JSON object a line with its `type`: `ready`, then for each prompt and side `writing`, `piece`... and `answer`;
or `failed`, before it ends. The end of stdin ends it.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import IO, Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList
from transformers.generation.streamers import BaseStreamer

from webapp.training.answering import end_tokens, read_answer
from webapp.training.configuration import RunConfig
from webapp.training.masking import tokenizer_encode
from webapp.training.model import find_hardware
from webapp.training.pair import Pair
from webapp.training.sides import SIDES, Side
from webapp.training.turns import Render, tokenizer_render

Tell = Callable[[str, Mapping[str, Any]], None]
_THOUGHT = "<think>"


@dataclass(frozen=True)
class Asked:
    """A prompt by its number: the messages before the answer, the temperature (0: greedy), and how long it may be."""

    prompt: int
    messages: list[dict[str, Any]]
    temperature: float
    max_new_tokens: int
    seed: int


@dataclass(frozen=True)
class Written:
    """An answer: its text and tokens, the seconds it took, and how it came to its `end`.

    That is `ended` (the model ended its turn), `limit`, `stopped`, or `failed`, for which `message` says why.
    """

    text: str
    tokens: int
    seconds: float
    end: str
    message: str = ""


class Speech(BaseStreamer):
    """The text of an answer as it grows: each new piece is told once it cannot change any more."""

    def __init__(self, tokenizer: Any, ends: list[int], tell: Callable[[str], None]) -> None:
        self._tokenizer, self._ends, self._tell = tokenizer, ends, tell
        self._prompted = False
        self.ids: list[int] = []
        self._told = ""

    def put(self, value: torch.Tensor) -> None:
        """Takes the prompt first, then each token."""
        if not self._prompted:
            self._prompted = True
            return
        self.ids += value.flatten().tolist()
        text = self.text
        # Half a character, and what may become an empty thought, is told with what follows.
        if text.endswith("\ufffd") or _THOUGHT.startswith(text) or _only_thinks(text):
            return
        if text.startswith(self._told) and len(text) > len(self._told):
            self._tell(text[len(self._told) :])
            self._told = text

    def end(self) -> None:
        """Nothing is left to say: whoever listens gets the whole answer."""

    @property
    def text(self) -> str:
        """The answer so far, without special tokens."""
        return read_answer(self.ids, self._tokenizer, self._ends).text

    @property
    def ended(self) -> bool:
        """Whether the model has ended its turn."""
        return read_answer(self.ids, self._tokenizer, self._ends).ended


def _only_thinks(text: str) -> bool:
    """Whether this may be a thought without a word, perhaps begun in the prompt: some models write one first."""
    return "</think>".startswith(text.removeprefix(_THOUGHT).strip())


class _Halt(StoppingCriteria):
    def __init__(self, stopped: Callable[[], bool]) -> None:
        self._stopped = stopped

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:  # noqa: ARG002
        return torch.full((len(input_ids),), self._stopped(), dtype=torch.bool, device=input_ids.device)


class Writer:
    """Answers with both sides of a pair; all of them are written with the chat template of what was trained."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._render: Render = tokenizer_render(pair.tokenizer)
        self._encode = tokenizer_encode(pair.tokenizer)

    def answer(
        self, asked: Asked, side: Side, tell: Callable[[str], None], stopped: Callable[[], bool] = lambda: False
    ) -> Written:
        """One side's answer, told piece by piece; `stopped` is asked at every token."""
        if stopped():
            return Written("", 0, 0.0, "stopped")
        began = perf_counter()
        try:
            ids = self._encode(self._render(asked.messages, None, True))
            with self._pair.answering(side) as model:
                _require_room(model, len(ids), asked.max_new_tokens)
                return self._write(model, ids, asked, tell, stopped)
        except Exception as error:  # memory that runs out, a template that refuses: the next prompt may do better
            return Written("", 0, perf_counter() - began, "failed", f"{type(error).__name__}: {error}"[:500])

    @torch.no_grad()
    def _write(
        self, model: Any, ids: list[int], asked: Asked, tell: Callable[[str], None], stopped: Callable[[], bool]
    ) -> Written:
        tokenizer, hardware = self._pair.tokenizer, self._pair.hardware
        ends = end_tokens(model, tokenizer, self._render)
        speech = Speech(tokenizer, ends, tell)
        prompt = torch.tensor([ids], device=hardware.device)
        sampling = {"do_sample": True, "temperature": asked.temperature} if asked.temperature else {"do_sample": False}
        torch.manual_seed(asked.seed)
        began = perf_counter()
        with hardware.autocast():
            model.generate(
                input_ids=prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=asked.max_new_tokens,
                eos_token_id=ends,
                pad_token_id=tokenizer.pad_token_id,
                streamer=speech,
                stopping_criteria=StoppingCriteriaList([_Halt(stopped)]),
                **sampling,
            )
        end = "ended" if speech.ended else "stopped" if stopped() else "limit"
        return Written(speech.text, len(speech.ids), perf_counter() - began, end)


def _require_room(model: Any, tokens: int, new: int) -> None:
    longest = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if longest and tokens + new > longest:
        raise ValueError(f"the prompt has {tokens} tokens and {new} may be written, but the model reads {longest}")


def serve(writer: Writer, lines: IO[str], tell: Tell) -> None:
    """Answers the prompts among the lines one after another until these end; a `stop` counts at once."""
    waiting: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
    stopped: set[int] = set()

    def listen() -> None:
        for line in lines:
            said = json.loads(line)
            if "stop" in said:
                stopped.add(said["stop"])
            else:
                waiting.put(Asked(**said))
        waiting.put(None)

    threading.Thread(target=listen, name="listener", daemon=True).start()
    while (asked := waiting.get()) is not None:
        for side in SIDES:
            _tell_answer(writer, asked, side, stopped, tell)


def _tell_answer(writer: Writer, asked: Asked, side: Side, stopped: set[int], tell: Tell) -> None:
    where = {"prompt": asked.prompt, "side": side}
    tell("writing", where)
    written = writer.answer(
        asked, side, lambda text: tell("piece", where | {"text": text}), lambda: asked.prompt in stopped
    )
    tell("answer", where | vars(written))


def main() -> None:
    """Loads both sides, says so, and answers."""
    # Whatever libraries print goes to stderr: stdout is for the messages.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(kind: str, data: Mapping[str, Any]) -> None:
        out.write(json.dumps({"type": kind, **data}) + "\n")
        out.flush()

    began = perf_counter()
    if os.environ.get("OMP_NUM_THREADS") == "1":
        torch.set_num_threads(1)
    config = RunConfig.from_namespace(json.loads(sys.stdin.readline())["parameters"])
    hardware = find_hardware()
    try:
        pair = Pair(config, Path(sys.argv[1]), hardware)
    except Exception as error:  # whatever libraries raise for files that are missing or do not fit
        tell("failed", {"missing": isinstance(error, OSError), "message": f"{type(error).__name__}: {error}"[:1000]})
        os._exit(1)
    tell("ready", {"hardware": hardware.name, "seconds": round(perf_counter() - began, 1)})
    serve(Writer(pair), sys.stdin, tell)
    os._exit(0)  # the interpreter's own end would take a second


if __name__ == "__main__":
    main()
