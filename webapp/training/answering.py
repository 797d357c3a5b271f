"""Greedy answers to held-out prompts, and the tokens that end a turn."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from webapp.training.alarms import Alarm
from webapp.training.groups import in_groups
from webapp.training.masking import Row
from webapp.training.model import Hardware
from webapp.training.turns import Render

ANSWER_BATCH = 8  # prompts answered together
_EMPTY_THOUGHT = re.compile(r"^\s*(<think>)?\s*</think>\s*")  # begun in the prompt by some templates


@dataclass(frozen=True)
class Answer:
    """What the model wrote, and whether it ended its turn itself, before the limit of new tokens."""

    text: str
    ended: bool


def end_tokens(model: Any, tokenizer: Any, render: Render) -> list[int]:
    """The ids that end a turn: those the chat template writes after an answer, the tokenizer's and the model's own.

    A model that has learnt one of them must be stopped by it; each place alone lacks one in some family.
    """
    probe = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "ANSWER"}]
    closing = render(probe, None, False).rpartition("ANSWER")[2]
    special = {token for token, added in tokenizer.added_tokens_decoder.items() if added.special}
    written = [token for token in tokenizer(closing, add_special_tokens=False)["input_ids"] if token in special]
    own = model.generation_config.eos_token_id
    ids = [*written, tokenizer.eos_token_id, *(own if isinstance(own, list) else [own])]
    return list(dict.fromkeys(token for token in ids if token is not None))


@torch.no_grad()
def answer_rows(
    model: Any, tokenizer: Any, rows: Sequence[Row], ends: list[int], max_new_tokens: int, hardware: Hardware
) -> list[Answer]:
    """The model's greedy answers to the rows' prompts, in their order, without special tokens.

    Prompts of like length are answered together, padded on the left.
    """
    model.eval()
    prompts = [prompt_of(row, tokenizer) for row in rows]
    order = sorted(range(len(rows)), key=lambda index: len(prompts[index]))

    def answer(indices: Sequence[int]) -> list[Answer]:
        batch = pad_left([prompts[index] for index in indices], hardware.device)
        with hardware.autocast():
            output = model.generate(
                **batch,
                max_new_tokens=max_new_tokens,
                do_sample=False,
                repetition_penalty=1.0,  # Qwen2.5 asks for more, and words of the prompt would count as repeated
                eos_token_id=ends,
                pad_token_id=tokenizer.pad_token_id,
            )
        written = output[:, batch["input_ids"].shape[1] :].tolist()
        return [read_answer(ids, tokenizer, ends) for ids in written]

    found = dict(in_groups(order, ANSWER_BATCH, answer))
    return [found[index] for index in range(len(rows))]


def prompt_of(row: Row, tokenizer: Any) -> list[int]:
    """The row's prompt, with the empty thought that some templates (Qwen3's) write before the data's answer.

    It is how these models are asked not to think. A base model would be judged by a thought that the limit of new
    tokens cuts, and any training would seem to help.
    """
    answer = row.input_ids[row.prompt_length :]
    thought = _EMPTY_THOUGHT.match(tokenizer.decode(answer))
    counts = range(1, min(len(answer), thought.end()) + 1) if thought else ()
    given = [count for count in counts if _EMPTY_THOUGHT.fullmatch(tokenizer.decode(answer[:count]))]
    return row.input_ids[: row.prompt_length + max(given, default=0)]


def pad_left(prompts: Sequence[list[int]], device: str) -> dict[str, torch.Tensor]:
    """A left-padded batch: input_ids and attention_mask, each [prompts, longest]; padding is masked."""
    longest = max(map(len, prompts))
    pad = [longest - len(prompt) for prompt in prompts]
    ids = [prompt[:1] * n + prompt for prompt, n in zip(prompts, pad, strict=True)]
    mask = [[0] * n + [1] * len(prompt) for prompt, n in zip(prompts, pad, strict=True)]
    return {
        name: torch.tensor(values, device=device) for name, values in (("input_ids", ids), ("attention_mask", mask))
    }


def read_answer(written: list[int], tokenizer: Any, ends: list[int]) -> Answer:
    """The generated ids up to the first token that ends the turn, as text without the empty thought before it.

    Some templates, Qwen3.5's among them, begin that thought in the prompt: then only its end is written.
    """
    stop = next((position for position, token in enumerate(written) if token in ends), None)
    text: str = tokenizer.decode(written[:stop], skip_special_tokens=True)
    return Answer(_EMPTY_THOUGHT.sub("", text).strip(), stop is not None)


def spread(total: int, count: int) -> list[int]:
    """`count` of the indices 0 to `total` - 1 (all, when there are fewer), evenly over them."""
    count = min(count, total)
    return [number * total // count for number in range(count)]


def end_of_turn_alarm(rows: Sequence[Row], answers: Sequence[Answer], max_new_tokens: int) -> Alarm | None:
    """No answer ended by itself, of those whose reference is shorter than the limit."""
    could = [
        answer
        for row, answer in zip(rows, answers, strict=True)
        if not row.cut and len(row.input_ids) - row.prompt_length <= max_new_tokens
    ]
    if not could or any(answer.ended for answer in could):
        return None
    message = (
        f"none of {len(could)} answers ended within {max_new_tokens} tokens, though their references do: the model "
        "has not learnt to end its turn; train longer"
    )
    return Alarm("no_end_of_turn", message)
