"""A miniature of a base model for dry runs: its own class with small dimensions, a tokenizer made from the user's rows.

It is saved as an ordinary model folder and loaded by the same code as the real model. A short warm-up on the prompts
gives the adapters something to stand on, so that "before" and "after" differ for a reason; the losses say nothing
about the real model.
"""

import json
import os
import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from webapp.training.evaluation import collate, held_out_loss, loss_sum, trained_tokens
from webapp.training.families import Family, family_from
from webapp.training.masking import Row, build_rows, tokenizer_encode
from webapp.training.model import Hardware
from webapp.training.turns import tokenizer_render

HIDDEN = 64
VOCABULARY = 768
WARM_UP_STEPS = 30
WARM_UP_BATCH = 8
WARM_UP_LENGTH = 192  # tokens of a prompt: a few long ones would double its time, for no lower loss
WARM_UP_RATE = 2e-2


@dataclass(frozen=True)
class Miniature:
    """Where the miniature lies, its size, and its loss on answers before and after the warm-up (nats per token)."""

    folder: str
    parameters: int
    vocabulary: int
    untrained_loss: float
    warm_loss: float


def make_miniature(
    folder: Path,
    model_type: str,
    shape: Mapping[str, Any],
    family: Family,
    conversations: Sequence[dict[str, Any]],
    max_seq_length: int,
) -> Miniature:
    """Builds, warms up and saves the miniature of `model_type` in `folder`; the same inputs give the same weights.

    `shape` are the real model's configuration values; its kinds of layers and its tied head are kept.
    """
    torch.manual_seed(0)
    tokenizer = make_tokenizer(family, conversations)
    config = miniature_config(model_type, shape, tokenizer)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    some = range(min(len(conversations), 400))
    rows = build_rows(conversations, some, tokenizer_render(tokenizer), tokenizer_encode(tokenizer), max_seq_length)
    measured, pad, cpu = rows[:32], tokenizer.pad_token_id, Hardware("cpu", torch.float32, "CPU")
    untrained = held_out_loss(model, measured, pad, cpu, 8)
    warm_up(model, rows, pad)
    warm = held_out_loss(model, measured, pad, cpu, 8)
    model.generation_config.update(
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Miniature(str(folder), model.num_parameters(), len(tokenizer), untrained, warm)


def make_tokenizer(family: Family, conversations: Iterable[dict[str, Any]]) -> PreTrainedTokenizerFast:
    """A byte-level BPE of at most `VOCABULARY` tokens, learned from the conversations, with the family's template."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=tokenizer_specials(family),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(message_texts(conversations), trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **family.named_tokens)
    tokenizer.chat_template = family.chat_template
    return tokenizer


def tokenizer_specials(family: Family) -> list[str]:
    """The family's special tokens, and the one that transformers' Qwen2Tokenizer would add past the embedding."""
    return list(dict.fromkeys([*family.all_specials, "<|endoftext|>"]))


def message_texts(conversations: Iterable[dict[str, Any]], limit: int = 2_000_000) -> Iterator[str]:
    """Message contents, up to `limit` characters in all: enough for a vocabulary of this size."""
    for conversation in conversations:
        for message in conversation["messages"]:
            text = message.get("content") or ""
            limit -= len(text)
            if limit < 0:
                return
            yield text


def miniature_config(model_type: str, shape: Mapping[str, Any], tokenizer: PreTrainedTokenizerFast) -> Any:
    """The model type's configuration with small dimensions, and each kind of layer at least once.

    Where the last layers take the keys and values of earlier ones, each kind is there twice: once with its own.
    `initializer_range` is 1/sqrt(hidden): at the usual 0.02 a tied head this small cannot become sharp.
    """
    full = AutoConfig.for_model(model_type, **shape)
    kinds = list(dict.fromkeys(getattr(full, "layer_types", None) or []))
    sharing = getattr(full, "num_kv_shared_layers", 0) > 0
    layers = max(2, len(kinds)) * (2 if sharing else 1)
    small: dict[str, Any] = {
        "hidden_size": HIDDEN,
        "intermediate_size": 3 * HIDDEN,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": HIDDEN // 4,
        "vocab_size": len(tokenizer),
        "tie_word_embeddings": shape["tie_word_embeddings"],
        "max_position_embeddings": 4096,
        "initializer_range": HIDDEN**-0.5,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    own = {
        "attention_multiplier": (HIDDEN // 4) ** -0.5,  # Granite states the scale of its attention
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": HIDDEN // 4,
        "linear_value_head_dim": HIDDEN // 4,
        "hidden_size_per_layer_input": HIDDEN // 4,
        "vocab_size_per_layer_input": len(tokenizer),
        "num_kv_shared_layers": layers // 2 if sharing else 0,
        "use_double_wide_mlp": shape.get("use_double_wide_mlp", False),
    }
    small |= {name: value for name, value in own.items() if hasattr(full, name)}
    if kinds:
        small["layer_types"] = (kinds * layers)[:layers]
    if hasattr(full, "vocab_size_per_layer_input"):  # Gemma 4's full attention has wider heads
        small["global_head_dim"] = HIDDEN // 2
    return AutoConfig.for_model(model_type, **small)


def warm_up(model: Any, rows: Sequence[Row], pad_id: int) -> None:
    """A few full training steps on the prompts alone: afterwards it knows the words and no answer."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=WARM_UP_RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.25, WARM_UP_STEPS)
    draw = random.Random(0)
    model.train()
    for _ in range(WARM_UP_STEPS):
        batch = [prompt_only(row) for row in draw.choices(rows, k=WARM_UP_BATCH)]
        loss = loss_sum(model, collate(batch, pad_id, "cpu")) / trained_tokens(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def prompt_only(row: Row) -> Row:
    """The end of the row's prompt as text to continue, from its first token on."""
    return replace(row, input_ids=row.input_ids[: row.prompt_length][-WARM_UP_LENGTH:], prompt_length=1)


def main() -> None:
    """Makes one miniature in a process of its own: arguments in a JSON file, the `Miniature` as JSON on stdout.

    One torch thread: on busy cores a second one makes such small models many times slower.
    """
    torch.set_num_threads(1)
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    request |= {"folder": Path(request["folder"]), "family": family_from(request["family"])}
    json.dump(asdict(make_miniature(**request)), sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # the interpreter's own end would take a second, for which the notebook waits


if __name__ == "__main__":
    main()
