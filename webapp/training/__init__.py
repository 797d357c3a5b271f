"""The training core: written once, tested here as Python, and put into the notebook's cells as source.

`CELL_MODULES` names the modules a notebook carries, in order. `runtime`, `posting`, `progress_reports`, `packages`,
`configuration`, `memory`, `data`, `turns`, `masking`, `proof`, `alarms`, `metrics`, `curve`, `report_page` and
`receipt` need only the standard library when they are imported; most others import torch, so only kernels and job
processes do that.
"""

CELL_MODULES = (
    "runtime",
    "posting",
    "progress_reports",
    "packages",
    "configuration",
    "memory",
    "model",
    "environment",
    "drive",
    "precision",
    "data",
    "turns",
    "masking",
    "proof",
    "groups",
    "evaluation",
    "packing",
    "batches",
    "probe",
    "alarms",
    "answering",
    "curve",
    "steps",
    "checkpoints",
    "loop",
    "saving",
    "intervals",
    "metrics",
    "results",
    "report_page",
    "receipt",
    "merging",
    "ollama",
    "publishing",
    "gguf",
)
