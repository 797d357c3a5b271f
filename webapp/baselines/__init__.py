"""Baselines: what a look-up in the rows gets without any training, and what that says of fine-tuning on them."""

from webapp.baselines.gate import Gate, gate
from webapp.baselines.retrieval import RetrievalBaseline
from webapp.baselines.verdicts import Code

__all__ = ["Code", "Gate", "RetrievalBaseline", "gate"]
