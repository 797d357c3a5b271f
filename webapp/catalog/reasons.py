"""Why a model is recommended, in words with the numbers in them."""

from webapp.catalog.constraints import METHOD_NAMES, Plan
from webapp.catalog.memory import MemoryEstimate
from webapp.catalog.models import BaseModel
from webapp.catalog.score import foreign_share
from webapp.catalog.targets import Target, deployed_gib
from webapp.catalog.tasks import Task
from webapp.datasets import Analysis

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
SMALL_DATASET = 500
SPACIOUS_DATASET = 5000


def explain(
    model: BaseModel, analysis: Analysis, task: Task, target: Target, plan: Plan, memory: MemoryEstimate
) -> tuple[str, ...]:
    """One sentence per fact that decided, the most important first."""
    sentences = (
        _gating(model),
        _task(model, task),
        _memory(plan, memory),
        _context(model, plan, memory),
        _deployment(model, target),
        _size(model, analysis),
        _languages(model, analysis),
        _structure(model, analysis),
        _licence(model),
    )
    return tuple(sentence for sentence in sentences if sentence)


def _gating(model: BaseModel) -> str:
    if not model.gated:
        return ""
    return (
        f"Gated: its licence has to be accepted on the hub before the download; "
        f"{model.ungated_alternative} needs no such step."
    )


def _task(model: BaseModel, task: Task) -> str:
    count = len(model.tasks)
    if task.name not in model.tasks:
        return f"{task.label.capitalize()} is not among its {count} strengths. {model.strengths}."
    place = ORDINALS[model.tasks.index(task.name)]
    return f"{task.label.capitalize()} is the {place} of its {count} strengths. {model.strengths}."


def _memory(plan: Plan, memory: MemoryEstimate) -> str:
    gpu = plan.gpu
    return (
        f"{_name(memory)} needs about {memory.mid:.1f} GiB ({memory.low:.1f} to {memory.high:.1f}) of the "
        f"{memory.gpu_gib:g} GiB of the {gpu.name}, with {memory.batch_size} rows of "
        f"{memory.max_seq_length:,} tokens at a time."
    )


def _name(memory: MemoryEstimate) -> str:
    name = METHOD_NAMES[memory.method]
    return name[0].upper() + name[1:]


def _context(model: BaseModel, plan: Plan, memory: MemoryEstimate) -> str:
    need = f"Your longest 1 % of conversations need about {plan.needed_tokens:,} tokens"
    if plan.cut:
        need += f" and training cuts at {memory.max_seq_length:,}"
    return f"{need}; its context is {model.context_length:,}."


def _deployment(model: BaseModel, target: Target) -> str:
    return (
        f"Its {target.bits}-bit weights take {deployed_gib(model, target):.2f} GiB of the "
        f"{target.limit_gib:g} GiB that {target.label} has for them."
    )


def _size(model: BaseModel, analysis: Analysis) -> str:
    examples = f"{analysis.total_examples:,} examples"
    if analysis.total_examples < SMALL_DATASET:
        return f"Your {examples} are few: a model learns more from each the larger it is ({model.size} here)."
    if analysis.total_examples < SPACIOUS_DATASET:
        return f"Your {examples} are enough to adapt {model.size} parameters to one task."
    return f"Your {examples} are plenty: a small model can learn most of the task from them."


def _languages(model: BaseModel, analysis: Analysis) -> str:
    if not foreign_share(analysis):
        return ""
    share = f"{analysis.characteristics.non_ascii_share:.1%} of your characters are not ASCII"
    if len(model.languages) == 1:
        return f"{share}, and it knows only one language ({model.languages[0]})."
    return f"{share}; it knows {len(model.languages)} languages or more."


def _structure(model: BaseModel, analysis: Analysis) -> str:
    data = analysis.characteristics
    if data.tool_call_share:
        can = "has a format for them" if model.tool_calls else "has no format for them"
        return f"{data.tool_call_share:.0%} of your conversations call tools; it {can}."
    if data.system_prompt_share and not model.system_role:
        return f"{data.system_prompt_share:.0%} of your conversations have a system prompt; it has no such role."
    return ""


def _licence(model: BaseModel) -> str:
    use = "commercial use is allowed" if model.commercial_use else "no commercial use"
    return f"Licence: {model.license}; {use}."
