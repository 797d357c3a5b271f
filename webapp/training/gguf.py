"""A GGUF file by llama.cpp's own converter: checked first, in a process of its own, and never fatal."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from webapp.training.drive import discard

LLAMA_CPP = "https://github.com/ggml-org/llama.cpp"
LLAMA_CPP_TAG = "b10955"
CONVERTER = "convert_hf_to_gguf.py"
CONVERTER_SECONDS = 3600
SPARE_MEMORY = 2 * 10**9  # bytes for the converter's imports and its largest tensor


def convert_to_gguf(model: Path, output: Path, memory: int, get_converter: Callable[[Path], Path]) -> str | None:
    """Writes `output` from the model folder; answers why not, or None when it is done.

    `memory` is what a process can still take, in bytes. The converter pins versions of its own that would break this
    environment; it runs with the ones installed here, in a child process, so that whatever happens stays there. It is
    fetched to a place that is removed again: thousands of files are no result, and would go to Drive with them.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    size = sum(file.stat().st_size for file in model.rglob("*.safetensors"))
    free = shutil.disk_usage(output.parent).free
    if free < 1.1 * size:
        return f"it needs {1.1 * size / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free"
    if memory < SPARE_MEMORY:
        return f"the converter needs {SPARE_MEMORY / 1e9:.0f} GB of memory, {memory / 1e9:.1f} GB are free"
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            converter = get_converter(Path(scratch, "llama.cpp"))
            command = [sys.executable, str(converter), str(model), "--outfile", str(output), "--outtype", "auto"]
            secret = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
            clean = {name: value for name, value in os.environ.items() if name not in secret}
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=CONVERTER_SECONDS, env=clean)
    except subprocess.CalledProcessError as error:
        discard(output)
        return f"{Path(error.cmd[0]).name} ended with status {error.returncode}: {last_line(error.stderr)}"
    except (subprocess.TimeoutExpired, OSError) as error:
        discard(output)
        return str(error)
    return None if output.exists() else "the converter ended well but wrote no file"


def clone_converter(folder: Path) -> Path:
    """llama.cpp at a fixed release, and its converter in it."""
    command = ["git", "clone", "--quiet", "--depth", "1", "--branch", LLAMA_CPP_TAG, LLAMA_CPP, str(folder)]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=CONVERTER_SECONDS)
    return folder / CONVERTER


def last_line(text: str | None) -> str:
    """The last line of what a program said, where the reason usually stands."""
    lines = (text or "").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
