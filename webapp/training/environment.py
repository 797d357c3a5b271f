"""What a run finds on its machine: the card, room on the disk, and whether the hub lets it read the base model."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from webapp.training.configuration import RunConfig
from webapp.training.memory import ROOM, Dimensions
from webapp.training.model import Hardware, dimensions_of
from webapp.training.packages import Finding
from webapp.training.runtime import shared_secret

ADAPTER_RUN_BYTES = 2 * 10**9  # adapters, checkpoints with their optimiser, the report


def card_finding(hardware: Hardware) -> Finding:
    """Which card there is, and how it computes."""
    if hardware.device == "cpu":
        return Finding("NOTE", "no GPU: a real model is slow here (Colab: Runtime > Change runtime type)")
    return Finding("OK", f"{hardware.name}, {hardware.memory_bytes / 2**30:.1f} GiB, computing in {hardware.dtype}")


def room_findings(config: RunConfig, hardware: Hardware, predicted: Mapping[str, float]) -> Iterator[Finding]:
    """Whether disk and card have room, before anything large is downloaded; `predicted` are bytes by component."""
    yield _room_on_disk(config, dimensions_of(config))
    yield _room_on_card(config, hardware, sum(predicted.values()))


def require_access(base_model: str) -> str:
    """Puts the token where the libraries look for it, and answers how the model can be read.

    PermissionError names the licence page when the hub does not let this token read it. A folder needs no token.
    """
    from huggingface_hub import auth_check
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if Path(base_model).is_dir():
        return "a local folder: no token is needed"
    page = f"https://huggingface.co/{base_model}"
    token = shared_secret("HF_TOKEN")
    if not token:
        raise PermissionError(
            f"{base_model} is gated: accept its licence on {page}, then put a token into Colab's secrets (the key at "
            "the left) or into the environment as HF_TOKEN, and run this cell again"
        )
    try:
        auth_check(base_model, token=token)
    except GatedRepoError as error:
        raise PermissionError(f"this HF_TOKEN may not read {base_model}: accept its licence on {page}") from error
    except RepositoryNotFoundError as error:
        raise PermissionError(f"the hub shows no {base_model} to this HF_TOKEN: see {page}") from error
    os.environ["HF_TOKEN"] = token
    return f"HF_TOKEN may read {base_model}"


def _room_on_disk(config: RunConfig, dimensions: Dimensions) -> Finding:
    """For the download in 16 bits, and what the run writes: with full fine-tuning, whole models with their Adam.

    A merged model and a GGUF file have 16 bits too.
    """
    parameters = dimensions.parameters + dimensions.other_towers
    download = 0 if Path(config.base_model).is_dir() else 2 * parameters
    merged = config.method != "full" and (config.export_merged or config.export_gguf)
    exports = 2 * parameters * (merged + config.export_gguf)
    needed = download + exports + (2 * 16 * parameters if config.method == "full" else ADAPTER_RUN_BYTES)
    output = Path(config.output_dir).absolute()
    places = (next(folder for folder in (output, *output.parents) if folder.exists()), Path.home())
    free = min(shutil.disk_usage(place).free for place in places)
    text = f"{free / 2**30:.1f} GiB free on the disk, about {needed / 2**30:.1f} needed"
    return Finding("OK", text) if free > needed else Finding("FIX", f"{text}: make room before you go on")


def _room_on_card(config: RunConfig, hardware: Hardware, needed: float) -> Finding:
    text = f"about {needed / 2**30:.1f} GiB at the peak"
    if not hardware.memory_bytes or needed <= ROOM * hardware.memory_bytes:
        return Finding("OK", text)
    advice = "method qlora" if config.method != "qlora" else "a smaller batch_size or max_seq_length"
    return Finding("NOTE", f"{text}, which this card may not have: try {advice}")
