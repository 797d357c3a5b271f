"""The training core: written once, tested here as Python, and put into the notebook's cells as source.

`CELL_MODULES` names the modules a notebook carries, in order. `packages`, `configuration`, `memory`, `data`, `turns`,
`masking` and `proof` need only the standard library; the others import torch when they are imported, so only kernels
and job processes do that.
"""

CELL_MODULES = (
    "packages",
    "configuration",
    "memory",
    "model",
    "environment",
    "drive",
    "data",
    "turns",
    "masking",
    "proof",
    "evaluation",
    "packing",
    "batches",
    "probe",
    "alarms",
    "curve",
    "steps",
    "checkpoints",
    "loop",
    "saving",
)
