"""The training settings that `--set NAME=VALUE` gives."""

import json
from typing import Any

from pydantic import ValidationError

from webapp.errors import Problem


def training_settings(assignments: tuple[str, ...]) -> Any:
    """The TrainingConfig that `--set NAME=VALUE ...` describes; Problem `invalid_setting` names the wrong one."""
    from webapp.notebooks import TrainingConfig

    values = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise Problem("invalid_setting", f"--set {assignment}: write NAME=VALUE, as in lora_rank=8", param="set")
        values[name.strip()] = literal(text.strip())
    try:
        return TrainingConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        unknown = first["type"] == "extra_forbidden"
        said = f"no such setting; there are {', '.join(TrainingConfig.model_fields)}" if unknown else first["msg"]
        raise Problem("invalid_setting", f"--set {name}: {said}", param=name) from error


def literal(text: str) -> Any:
    """A setting's value: JSON where it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
