"""What can be done to a dataset, as data: each operation by its name, in the order in which they are done.

The order is fixed. Each step sees what the earlier ones left: markers go before white space, white space before turns
are joined, private data before rows are compared, and the validation part is chosen last.
"""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec

from webapp.errors import Problem

Spec = TypeVar("Spec", bound="Operation")


class Operation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name"):
    """One operation with its settings; `label` and `hint` say what it does."""

    label: ClassVar[str]
    hint: ClassVar[str]

    @property
    def name(self) -> str:
        """The stable name."""
        return str(self.__struct_config__.tag)


class StripMarkers(Operation, frozen=True, tag="strip_markers"):
    """Takes chat templates' markers out of the texts, and byte order marks out of the file."""

    label = "Strip chat markers"
    hint = "Takes <|im_start|>, [INST] and their kin out of the texts, and byte order marks out of the file."


class NormaliseRoles(Operation, frozen=True, tag="normalise_roles"):
    """Writes Human, gpt, bot and their kin as user and assistant."""

    label = "Normalise roles"
    hint = "Human, gpt, bot and their kin become user and assistant."


class Trim(Operation, frozen=True, tag="trim"):
    """Takes white space from both ends of every text."""

    label = "Trim white space"
    hint = "At both ends of every message."


class MergeTurns(Operation, frozen=True, tag="merge_turns"):
    """Joins messages of one role that follow one another, a blank line between them."""

    label = "Merge consecutive turns"
    hint = "Messages of one role that follow one another become one, a blank line between them."


class Redact(Operation, frozen=True, tag="redact"):
    """Replaces personal data and secrets by placeholders such as [EMAIL_1], the same for the same everywhere."""

    label = "Redact private data"
    hint = "The same address becomes the same [EMAIL_1] everywhere."


class SplitLong(Operation, frozen=True, tag="split_long"):
    """Splits conversations over `max_tokens` tokens at turn borders, the system prompt on each part."""

    label = "Split long conversations"
    hint = "At turn borders; each part keeps the system prompt and ends with an answer."
    max_tokens: Annotated[int, msgspec.Meta(ge=16, le=1_000_000)] = 4096


class DropInvalid(Operation, frozen=True, tag="drop_invalid"):
    """Drops rows that are still no valid examples."""

    label = "Drop invalid rows"
    hint = "Rows that nothing above could mend. Without it they stay in the file as they are."


class DropEmpty(Operation, frozen=True, tag="drop_empty"):
    """Drops valid rows of which every answer that counts is white space: there is no text to learn."""

    label = "Drop rows with nothing to learn"
    hint = "Those of which every answer that counts is white space; no notebook is made with them."


class Dedupe(Operation, frozen=True, tag="dedupe"):
    """Of rows that are the same (`exact`), or almost (`near`, exact ones included), keeps the first one or none."""

    label = "Drop duplicates"
    hint = "Of rows that say the same, or almost the same, only the first one stays."
    kind: Literal["exact", "near"] = "exact"
    keep: Literal["first", "none"] = "first"


class ValidationSplit(Operation, frozen=True, tag="validation_split"):
    """Puts a `share` of the rows into a validation part, the same for the same `seed`; rows alike stay together."""

    label = "Make a validation part"
    hint = "A share of the rows is held out; rows that are alike stay on one side."
    share: Annotated[float, msgspec.Meta(gt=0, le=0.5)] = 0.1
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] = 42


IN_ORDER: tuple[type[Operation], ...] = (
    StripMarkers,
    NormaliseRoles,
    Trim,
    MergeTurns,
    Redact,
    SplitLong,
    DropInvalid,
    DropEmpty,
    Dedupe,
    ValidationSplit,
)
_Any = (
    StripMarkers
    | NormaliseRoles
    | Trim
    | MergeTurns
    | Redact
    | SplitLong
    | DropInvalid
    | DropEmpty
    | Dedupe
    | ValidationSplit
)


class Plan:
    """The operations of one fix, each at most once, in the order in which they are done."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._by_type = {type(operation): operation for operation in operations}
        self.operations = [self._by_type[kind] for kind in IN_ORDER if kind in self._by_type]

    @classmethod
    def from_data(cls, data: Any) -> "Plan":
        """The plan that a list of `{"name": ..., settings}` describes; raises Problem `invalid_operation`."""
        try:
            operations: list[Operation] = msgspec.convert(data, list[_Any])
        except msgspec.ValidationError as error:
            names = ", ".join(_names())
            raise _invalid(f"{error}. The operations are {names}.") from error
        if not operations:
            raise _invalid("Name at least one operation.")
        if len({type(operation) for operation in operations}) < len(operations):
            raise _invalid("An operation is there twice; each is done once.")
        return cls(operations)

    def to_data(self) -> list[dict[str, Any]]:
        """What `from_data` reads, every setting spelt out."""
        plain: list[dict[str, Any]] = msgspec.to_builtins(self.operations)
        return plain

    def get(self, kind: type[Spec]) -> Spec | None:
        """The operation of this kind, None when it is not to be done."""
        found = self._by_type.get(kind)
        return found if isinstance(found, kind) else None

    @property
    def compares_rows(self) -> bool:
        """Whether it needs to know which rows are alike."""
        return bool(self.get(Dedupe) or self.get(ValidationSplit))


def operation_schemas() -> list[dict[str, Any]]:
    """The JSON schema of each operation, without references."""
    _, found = msgspec.json.schema_components(IN_ORDER, ref_template="#/{name}")
    return [found[kind.__name__] for kind in IN_ORDER]


def _names() -> list[str]:
    return [str(kind.__struct_config__.tag) for kind in IN_ORDER]


def _invalid(message: str) -> Problem:
    return Problem("invalid_operation", message, param="operations")
