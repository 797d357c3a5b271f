"""Which model types the installed transformers can train, read from its source: importing it takes seconds."""

import ast
import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

_FILE = "models/auto/modeling_auto.py"
_TABLE = "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES"


@cache
def trainable_classes() -> Mapping[str, str] | None:
    """The class of each model type that `AutoModelForCausalLM` knows; None where transformers is not installed."""
    found = importlib.util.find_spec("transformers")
    path = Path(found.origin).parent / _FILE if found and found.origin else None
    if path is None or not path.is_file():
        return None
    return read_table(path.read_text(encoding="utf-8"))


def read_table(source: str) -> Mapping[str, str] | None:
    """The pairs of `MODEL_FOR_CAUSAL_LM_MAPPING_NAMES = OrderedDict([...])`; None where it is written otherwise."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == _TABLE for target in node.targets):
            try:
                (pairs,) = getattr(node.value, "args", [])
                return MappingProxyType(dict(ast.literal_eval(pairs)))
            except ValueError:
                return None
    return None
