"""Repair: named operations that make a better dataset out of one, and say what they did."""

from webapp.datasets.repair.changes import Change, MessageChange, Piece, word_pieces
from webapp.datasets.repair.fixing import EXAMPLES, ROWS, VALIDATION, Done, Figures, FixReport, fix
from webapp.datasets.repair.operations import (
    IN_ORDER,
    Dedupe,
    DropEmpty,
    DropInvalid,
    MergeTurns,
    NormaliseRoles,
    Operation,
    Plan,
    Redact,
    SplitLong,
    StripMarkers,
    Trim,
    ValidationSplit,
    operation_schemas,
)

__all__ = [
    "EXAMPLES",
    "IN_ORDER",
    "ROWS",
    "VALIDATION",
    "Change",
    "Dedupe",
    "Done",
    "DropEmpty",
    "DropInvalid",
    "Figures",
    "FixReport",
    "MergeTurns",
    "MessageChange",
    "NormaliseRoles",
    "Operation",
    "Piece",
    "Plan",
    "Redact",
    "SplitLong",
    "StripMarkers",
    "Trim",
    "ValidationSplit",
    "fix",
    "operation_schemas",
    "word_pieces",
]
