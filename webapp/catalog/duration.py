"""How long a run takes."""

from webapp.catalog.case import Case
from webapp.catalog.hyperparameters import epochs
from webapp.catalog.memory import MemoryEstimate
from webapp.catalog.models import BaseModel


def run_minutes(model: BaseModel, case: Case, memory: MemoryEstimate) -> float:
    tokens = case.profile.total_tokens(model) * epochs(case.profile.examples)
    flops = 6 * model.parameters * tokens
    return flops / (case.gpu.tflops * 1e12 * case.gpu.share) / 60
