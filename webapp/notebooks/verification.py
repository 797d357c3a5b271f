"""Whether what a run's receipt says still holds: for this data, and on this machine."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from webapp.datasets import Analysis, Examples
from webapp.errors import Problem
from webapp.training.configuration import RunConfig
from webapp.training.data import split_conversations
from webapp.training.receipt import RECEIPT_VERSION, installed_versions, split_sha256, template_sha256


@dataclass(frozen=True)
class Check:
    """One line of a receipt. `matches` is None where this machine cannot tell.

    `data` checks say whether a run would see the same rows in the same way; `machine` ones what else may differ.
    """

    name: str
    kind: Literal["data", "machine"]
    receipt: str
    found: str | None
    matches: bool | None

    def to_dict(self) -> dict[str, Any]:
        """A line of `tunebook verify --json`."""
        return asdict(self)


def read_receipt(path: Path) -> dict[str, Any]:
    """The receipt of a run; Problem `invalid_receipt` for any other file."""
    try:
        receipt: Any = json.loads(path.read_text(encoding="utf-8"))
        number = receipt["receipt"]
        known = (receipt["dataset_sha256"], receipt["split"]["sha256"], receipt["fingerprint"], receipt["base_model"])
        values, versions = receipt["parameters"], receipt["versions"]
        fraction, seed = values["eval_fraction"], values["seed"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Problem(
            "invalid_receipt", f"{path.name} is not the receipt of a run: {error}", param="receipt"
        ) from error
    splits = type(fraction) in (int, float) and type(seed) is int and 0 < fraction < 1 and seed >= 0
    sound = splits and all(isinstance(text, str) for text in known) and isinstance(versions, dict)
    if number != RECEIPT_VERSION or not sound:
        raise Problem("invalid_receipt", f"{path.name} is not a receipt this version can read", param="receipt")
    return dict(receipt)


def verify_receipt(
    receipt: Mapping[str, Any], analysis: Analysis, examples: Examples, find_template: Callable[[str], Any]
) -> list[Check]:
    """Every line of the receipt against this data and this machine.

    `find_template` gives a model's chat template where it is on this machine, else None.
    """
    return [
        check("data", "data", receipt["dataset_sha256"], analysis.sha256),
        check("split", "data", receipt["split"]["sha256"], found_split(receipt, examples)),
        check("parameters", "data", receipt["fingerprint"], found_fingerprint(receipt)),
        check("chat template", "data", str(receipt.get("template_sha256")), found_template(receipt, find_template)),
        *version_checks(receipt["versions"]),
    ]


def check(name: str, kind: Literal["data", "machine"], receipt: str, found: str | None) -> Check:
    """The line; what was not found cannot be told."""
    return Check(name, kind, receipt, found, None if found is None else found == receipt)


def found_split(receipt: Mapping[str, Any], examples: Examples) -> str | None:
    """The split that the receipt's seed and share make of these examples; None when they cannot be split."""
    values = receipt["parameters"]
    try:
        return split_sha256(
            *split_conversations(list(examples.conversations()), values["eval_fraction"], values["seed"])
        )
    except ValueError:
        return None


def found_fingerprint(receipt: Mapping[str, Any]) -> str | None:
    """The fingerprint of the receipt's own parameters and data; None when this version has other parameters."""
    try:
        return RunConfig(**receipt["parameters"]).fingerprint(receipt["dataset_sha256"])
    except (TypeError, ValueError):
        return None


def found_template(receipt: Mapping[str, Any], find_template: Callable[[str], Any]) -> str | None:
    """SHA-256 of the model's chat template on this machine, if it is here."""
    template = find_template(receipt["base_model"])
    return template_sha256(template) if template else None


def version_checks(versions: Mapping[str, Any]) -> list[Check]:
    """The versions of the receipt against those installed here."""
    here = installed_versions()
    return [check(name, "machine", str(number), here.get(name)) for name, number in versions.items()]


def mismatches(checks: Sequence[Check]) -> list[Check]:
    """The lines about data that no longer hold."""
    return [item for item in checks if item.kind == "data" and item.matches is False]
