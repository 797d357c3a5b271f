"""What is known of a model beside its configuration: its page on the hub, or nothing but where its folder is."""

import re
from collections.abc import Mapping
from typing import Any

from webapp.catalog.configs import Card
from webapp.hub.files import MAX_INDEX_BYTES, FolderFiles, HubFiles, cached_file, read_object

INDEX = "model.safetensors.index.json"
PREFIX = "hf:"
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_VALUE_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


def hub_card(files: HubFiles, config: Mapping[str, Any]) -> Card:
    """What the hub's page says: licence, languages, gating, year, and how many parameters are stored."""
    about, hub_id = files.about(), files.hub_id
    said = about.get("cardData")
    front: Mapping[str, Any] = said if isinstance(said, dict) else {}
    license_name = front.get("license_name") if front.get("license") == "other" else front.get("license")
    languages = front.get("language")
    listed = languages if isinstance(languages, list) else [languages]
    year = re.match(r"\d{4}", str(about.get("createdAt")))
    return Card(
        id=f"{PREFIX}{hub_id}",
        hub_id=hub_id,
        name=hub_id,
        page=f"https://huggingface.co/{hub_id}",
        license=license_name[:100] if isinstance(license_name, str) and license_name else "unknown",
        languages=tuple(item for item in listed if isinstance(item, str) and _LANGUAGE.fullmatch(item)),
        gated=bool(about.get("gated") or about.get("private")),
        year=int(year[0]) if year else 0,
        total=_counted_by_the_hub(about) or _stored_here(files, config),
    )


def folder_card(files: FolderFiles, config: Mapping[str, Any]) -> Card:
    """A folder is known by its name, and its parameters by the bytes of its weights where an index has them."""
    folder = files.folder
    return Card(id=folder.name, hub_id=str(folder), name=folder.name, total=_stored(files, config))


def _counted_by_the_hub(about: Mapping[str, Any]) -> int | None:
    tensors = about.get("safetensors")
    total = tensors.get("total") if isinstance(tensors, dict) else None
    return total if isinstance(total, int) and total > 0 else None


def _stored_here(files: HubFiles, config: Mapping[str, Any]) -> int | None:
    index = cached_file(files.hub_id, INDEX, files.settings)
    return _stored(FolderFiles(index.parent), config) if index else None


def _stored(files: FolderFiles, config: Mapping[str, Any]) -> int | None:
    metadata = read_object(files.read(INDEX, MAX_INDEX_BYTES)).get("metadata")
    size = metadata.get("total_size") if isinstance(metadata, dict) else None
    each = _VALUE_BYTES.get(str(config.get("dtype") or config.get("torch_dtype")))
    return int(size) // each if isinstance(size, int | float) and each else None
