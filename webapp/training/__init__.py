"""The training core: written once, tested here as Python, and put into the notebook's cells as source.

`CELL_MODULES` names the modules a notebook carries, in order. `configuration`, `data`, `masking`, `metrics`,
`loss_curve`, `report_page` and `receipt` need only the standard library when they are imported; most others import
torch, so only kernels and job processes do that.
"""

CELL_MODULES = (
    "configuration",
    "model",
    "data",
    "masking",
    "evaluation",
    "checkpoints",
    "loop",
    "saving",
    "answering",
    "intervals",
    "metrics",
    "results",
    "loss_curve",
    "report_page",
    "receipt",
    "merging",
    "ollama",
    "gguf",
    "publishing",
)
