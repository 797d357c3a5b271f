"""A model's folder on this machine in the place of the one on the hub."""

import json
from pathlib import Path

from webapp.catalog import BaseModel
from webapp.errors import Problem

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")


def require_model_folder(folder: Path, model: BaseModel) -> str:
    """The folder's absolute path, once it holds a whole model of the class that a notebook was made for.

    Raises Problem `model_folder_unsuitable` naming what is missing or other.
    """
    fault = _fault(folder, model)
    if fault:
        raise Problem(
            "model_folder_unsuitable", f"{folder} cannot take the place of {model.name}: {fault}.", param="model_path"
        )
    return str(folder.absolute())


def _fault(folder: Path, model: BaseModel) -> str | None:
    try:
        config = json.loads((folder / "config.json").read_bytes())
        kind, hidden = config["model_type"], config.get("hidden_size", model.shape.hidden)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "it has no config.json that can be read"
    if kind != model.shape.model_type:
        return f"it is a model of the class {kind}, not {model.shape.model_type}"
    if hidden != model.shape.hidden:
        return f"its hidden states have {hidden} numbers, not {model.shape.hidden}, so that no estimate would hold"
    if not any(any(folder.glob(pattern)) for pattern in _WEIGHTS):
        return "it has no weights (*.safetensors)"
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        return "it has no tokenizer"
    return None
