"""Which base model somebody means: one of the catalogue, one of the hub, or a folder of this machine."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from webapp.catalog import BaseModel, find_model, models
from webapp.catalog.classes import trainable_classes
from webapp.catalog.configs import Card, describe_model
from webapp.errors import Problem
from webapp.hub.cards import PREFIX, folder_card, hub_card
from webapp.hub.chat_formats import read_chat_format
from webapp.hub.files import FolderFiles, HubFiles, ModelFiles, read_object
from webapp.settings import Settings
from webapp.training.families import Family

# As the hub names repositories; no part begins with a dot, and none holds two in a row.
_NAME = re.compile(r"(?!.*(\.\.|--))[A-Za-z0-9][A-Za-z0-9._-]{0,94}(?<![.-])/[A-Za-z0-9_][A-Za-z0-9._-]{0,94}(?<![.-])")
_FOLDER = re.compile(r"[./~\\]")


@dataclass(frozen=True)
class ChosenModel:
    """A base model; `own_format` reads the chat format of one that the catalogue does not have, from further files."""

    model: BaseModel
    own_format: Callable[[], Family | None]


def choose_model(name: str, settings: Settings) -> ChosenModel:
    """The model with this id or hub id of the catalogue, or `hf:org/name`, whose configuration is fetched and kept.

    Raises Problem `model_not_found`, `invalid_model_name`, `model_not_on_hub`, `model_gated`, `unsupported_model`,
    `invalid_model_config`, and those of `webapp.outbound.get`.
    """
    wanted = str(name).strip()
    if wanted[: len(PREFIX)].lower() != PREFIX:
        return _listed(wanted)
    hub_id = wanted[len(PREFIX) :]
    if not _NAME.fullmatch(hub_id):
        raise Problem(
            "invalid_model_name",
            f"{hub_id[:80]!r} is no name of a model on the hub: write hf:org/name, as in hf:Qwen/Qwen3-14B.",
            param="model_id",
        )
    if any(model.hub_id.lower() == hub_id.lower() for model in models()):
        return _listed(hub_id)
    files = HubFiles(hub_id, settings)
    files.about()  # first: it tells a name that is wrong from a model that is gated
    return _described(files, partial(hub_card, files))


def choose_model_or_folder(name: str, settings: Settings) -> ChosenModel:
    """The same, or the model in a folder of this machine, which is written as a path: `./name`, `/name`, `~/name`.

    For the person at this machine only: what others ask for must never be a path here.
    """
    if not _FOLDER.match(name):
        return choose_model(name, settings)
    folder = Path(name).expanduser().absolute()
    if not (folder / "config.json").is_file():
        raise Problem("model_folder_not_found", f"{name} is no folder with a config.json.", status=404, param="model")
    files = FolderFiles(folder)
    return _described(files, partial(folder_card, files))


def _listed(name: str) -> ChosenModel:
    try:
        model = find_model(name)
    except Problem as problem:
        if not _NAME.fullmatch(name):
            raise
        message = f"{problem.message} To take it from the hub, write hf:{name}."
        raise Problem(problem.code, message, status=404, param=problem.param, details=problem.details) from None
    return ChosenModel(model, lambda: None)


def _described(files: ModelFiles, card: Callable[[Mapping[str, Any]], Card]) -> ChosenModel:
    config = read_object(files.read("config.json"))
    known = card(config)
    if not config:
        raise Problem(
            "invalid_model_config",
            f"{known.name} has no config.json that can be read; adapters and GGUF files alone cannot be fine-tuned.",
            param="model_id",
        )
    return ChosenModel(describe_model(config, known, trainable_classes()), partial(read_chat_format, files, known.name))
