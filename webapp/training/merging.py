"""The adapter merged into 16-bit weights, and the proof that it still answers as before."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from webapp.training.answering import answer_rows
from webapp.training.evaluation import held_out_loss
from webapp.training.masking import Row
from webapp.training.model import Hardware, architecture_of, placement, sixteen_bit

MERGE_ROOM = 1.2  # times the weights
CHECK_ROWS = 3
CHECK_TOKENS = 32
CHECK_NATS = 0.02  # 16-bit rounding of the merged weights moves the loss by less; a wrong merge by far more


@dataclass(frozen=True)
class MergeCheck:
    """Held-out answers of adapter and merged model on the same 16-bit base: how many are equal, and both losses."""

    answers: int
    equal: int
    loss_adapter: float
    loss_merged: float

    @property
    def agrees(self) -> bool:
        """Equal answers, or losses as near as 16 bits allow: then two tokens were as likely as each other."""
        return self.equal == self.answers or abs(self.loss_merged - self.loss_adapter) <= CHECK_NATS


def merge_place(parameters: int, hardware: Hardware) -> str | None:
    """Where 16-bit weights of so many parameters fit beside what is loaded: "cuda", "cpu", or None."""
    needed = int(2 * parameters * MERGE_ROOM)
    if hardware.device == "cuda":
        torch.cuda.empty_cache()
        if torch.cuda.mem_get_info()[0] >= needed:
            return "cuda"
    return "cpu" if available_memory() >= needed else None


def available_memory() -> int:
    """Bytes of main memory that a process can still take."""
    return int(psutil.virtual_memory().available)


def export_merged_model(
    base_model: str, trained: Any, hardware: Hardware, adapter: Path, folder: Path, proof: "Proof"
) -> dict[str, Any]:
    """Merges the saved adapter where there is room for it; answers `{done, message}` and the check's figures."""
    parameters = trained.num_parameters()
    device = merge_place(parameters, hardware)
    if device is None:
        needed = 2 * parameters * MERGE_ROOM / 1e9
        return {
            "done": False,
            "message": f"not merged: it needs {needed:.1f} GB of free memory, on the GPU or beside it",
        }
    check = merge_adapter(base_model, adapter, folder, device, sixteen_bit(hardware), proof)
    outcome = f"merged into {folder}" if check.agrees else "NOT merged, the merged model answers differently"
    message = (
        f"{outcome}: held-out loss {check.loss_adapter:.4f} with the adapter, {check.loss_merged:.4f} merged; "
        f"{check.equal} of {check.answers} answers equal to the letter"
    )
    if check.agrees and check.equal < check.answers:
        message += " (the losses agree: the rest is 16-bit rounding)"
    return {"done": check.agrees, "message": message, **asdict(check)}


def merge_adapter(
    base_model: str, adapter: Path, folder: Path, device: str, dtype: torch.dtype, proof: "Proof"
) -> MergeCheck:
    """Merges the adapter into the base, loaded in 16 bits and never in 4; saved in `folder` if the check agrees."""
    from peft import PeftModel

    _, loader = architecture_of(base_model)
    base: Any = loader.from_pretrained(base_model, dtype=dtype, **placement(device))
    model: Any = PeftModel.from_pretrained(base, adapter)
    before, loss_adapter = proof.ask(model, device)
    model = model.merge_and_unload()
    after, loss_merged = proof.ask(model, device)
    equal = sum(old == new for old, new in zip(before, after, strict=True))
    check = MergeCheck(len(before), equal, loss_adapter, loss_merged)
    if check.agrees:
        model.save_pretrained(folder)
        proof.tokenizer.save_pretrained(folder)
    return check


@dataclass(frozen=True)
class Proof:
    """Held-out rows to ask a model, to know whether it answers as another."""

    tokenizer: Any
    rows: Sequence[Row]
    ends: list[int]

    def ask(self, model: Any, device: str) -> tuple[list[str], float]:
        """The model's greedy answers to the first rows, and its loss on them."""
        plain = Hardware(device, torch.float32, "")  # no autocast: the weights' own dtype
        rows = self.rows[:CHECK_ROWS]
        answers = answer_rows(model, self.tokenizer, rows, self.ends, CHECK_TOKENS, plain)
        loss = held_out_loss(model, rows, self.tokenizer.pad_token_id, plain, CHECK_ROWS)
        return [answer.text for answer in answers], loss
